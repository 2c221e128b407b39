/* The PoP at a glance, live. */
import { useState } from "preact/hooks";
import type { Pop, Traffic, Worker } from "./api";
import { Chart } from "./chart";
import type { Line } from "./chart";
import { ago, bits, count, counted, duration, ms, packets, percent, si, stamp, tick } from "./format";
import { useStream } from "./live";
import { Bar, Choices, Drops, Fact, Findings, Nothing, Panel } from "./parts";
import { Rates, WINDOW_S } from "./rates";
import { choose } from "./route";
import type { Route } from "./route";

const BITS: Line[] = [
	{ label: "In", ink: "in", show: bits },
	{ label: "Out", ink: "out", dash: true, show: bits },
];
const PACKETS: Line[] = [
	{ label: "In", ink: "in", show: packets },
	{ label: "Out", ink: "out", dash: true, show: packets },
];

const ROADS = ["total", "uplink", "fast"] as const;
type Road = (typeof ROADS)[number];
const ROAD_WORDS: Record<Road, string> = { total: "All", uplink: "Uplink", fast: "Fast path" };

const DROP_WINDOW = 60;

/*
 * The last five minutes. They outlive the view, so that a look at a tunnel and back leaves a
 * gap and not an empty chart.
 */
class Past {
	roads: Record<Road, Rates> = { total: new Rates(4), uplink: new Rates(4), fast: new Rates(4) };
	busy: Rates | null = null;
	private before: Pop[] = [];	/* about a minute of them, oldest first */

	add(p: Pop): void {
		for (const road of ROADS) {
			const t: Traffic = p.traffic[road];

			this.roads[road].add(p.now, p.now_ms, [t.in_octets * 8, t.out_octets * 8, t.in_packets, t.out_packets], p.started);
		}
		if (this.busy?.columns !== p.workers.length)
			this.busy = new Rates(p.workers.length);
		this.busy.add(p.now, p.now_ms, p.workers.map((w) => w.busy_us), p.started);

		if (this.before[0] && (this.before[0].started !== p.started || this.before[0].now_ms > p.now_ms))
			this.before = [];
		this.before.push(p);
		while (p.now_ms - (this.before[0]?.now_ms ?? 0) > DROP_WINDOW * 1000 && this.before.length > 2)
			this.before.shift();
	}

	/** Drops per second over the last minute; null while there is only one reading. */
	drop_rate(reason: string | null): number | null {
		const first = this.before[0], last = this.before.at(-1);

		if (!first || !last || first === last)
			return null;
		const sum = (p: Pop) => p.drops.reduce((n, d) => n + (reason === null || d.reason === reason ? d.count : 0), 0);

		return (sum(last) - sum(first)) / ((last.now_ms - first.now_ms) / 1000);
	}
}

const past = new Past();

export function PopView({ route }: { route: Route }) {
	const [pop, set] = useState<Pop | null>(null);
	const link = useStream<Pop>("api/v1/pop/events", "pop", (p) => {
		past.add(p);
		set(p);
	});

	if (!pop)
		return <Nothing link={link} what="the PoP" />;

	const asked = route.query.get("traffic") as Road;
	const road: Road = ROADS.includes(asked) ? asked : "total";
	const r = past.roads[road];
	const whole = past.roads.total, fast = past.roads.fast;
	const moved = (whole.now(2) ?? 0) + (whole.now(3) ?? 0);
	const share = moved > 0 ? 100 * ((fast.now(2) ?? 0) + (fast.now(3) ?? 0)) / moved : null;

	return (
		<div class={`view pop ${link.state === "live" ? "" : "stale"}`}>
			<h1 class="unseen">PoP {pop.name}</h1>
			<Findings why={pop.why} />
			<dl class="facts">
				<Fact name="In" ink="in" soft={packets(whole.now(2))}>{bits(whole.now(0))}</Fact>
				<Fact name="Out" ink="out" soft={packets(whole.now(3))}>{bits(whole.now(1))}</Fact>
				<Fact name="Fast path" soft="of the packets">{percent(share)}</Fact>
				<Fact name="Dropped" soft="over a minute">{si(past.drop_rate(null), "p/s")}</Fact>
				<Fact name="Tunnels up" soft={`of ${count(pop.tunnels.configured)}`}>{count(pop.tunnels.up)}</Fact>
				<Fact name="Uptime" soft={stamp(pop.started)}>{duration(pop.uptime_s)}</Fact>
				<Fact name="Configuration" soft={`version ${pop.version}`}>revision {count(pop.revision)}</Fact>
				<Fact name="Clock" soft={stamp(pop.now)}>{pop.clock_synchronised ? "synchronised" : "▲ not synchronised"}</Fact>
			</dl>
			<Panel title="Traffic" class="wide-panel" note={
				<Choices<Road> name="Which traffic" value={road} set={(v) => choose({ traffic: v === "total" ? null : v })}
					of={ROADS.map((value) => ({ value, label: ROAD_WORDS[value] }))} />}>
				<div class="two">
					<Chart key={`${road} bits`} title="Throughput" lines={BITS} x={r.x} ys={r.ys.slice(0, 2)} tick={tick}
						version={r.version} span_s={WINDOW_S} end_s={r.end_s} floor={1000} />
					<Chart key={`${road} packets`} title="Packets" lines={PACKETS} x={r.x} ys={r.ys.slice(2)} tick={tick}
						version={r.version} span_s={WINDOW_S} end_s={r.end_s} floor={10} />
				</div>
			</Panel>
			<Panel title="Drops by reason" note={`${count(pop.drops.reduce((n, d) => n + d.count, 0))} since start`}>
				<Drops drops={pop.drops} rate={(reason) => si(past.drop_rate(reason), "p/s")} />
			</Panel>
			<div class="column">
				<TunnelCounts pop={pop} />
				<RoundTrips rtt={pop.rtt} />
			</div>
			<Workers pop={pop} />
			<FastPath pop={pop} />
		</div>
	);
}

function TunnelCounts({ pop }: { pop: Pop }) {
	const t = pop.tunnels;
	const states = ([["up", t.up], ["down", t.down], ["disabled", t.disabled]] as const);
	const row = (what: "state" | "type", name: string, n: number) => (
		<tr key={what + name}>
			<th scope="row"><a href={`#/tunnels?${what}=${name}`}>{name}</a></th>
			<td class="grow"><Bar part={t.configured ? n / t.configured : 0} class={name} /></td>
			<td class="r num">{count(n)}</td>
		</tr>
	);

	return (
		<Panel title="Tunnels" note={`${count(t.configured)} of at most ${count(t.limit)}, ${count(t.active)} active`}>
			<div class="two tight">
				<table><caption class="unseen">By state</caption><tbody>{states.map(([name, n]) => row("state", name, n))}</tbody></table>
				<table><caption class="unseen">By type</caption>
					<tbody>{Object.entries(t.by_type).map(([name, n]) => row("type", name, n))}</tbody></table>
			</div>
		</Panel>
	);
}

/* A histogram of what the latency test measured, all tunnels since the start. */
function RoundTrips({ rtt }: { rtt: Pop["rtt"] }) {
	const most = Math.max(...rtt.counts, 1);
	const range = (i: number) => {
		const from = rtt.bounds_ms[i - 1], to = rtt.bounds_ms[i];

		return to === undefined ? `more than ${from} ms` : `${from ?? 0} to ${to} ms`;
	};
	const edge = (n: number | undefined) => n === undefined ? "∞" : n >= 1000 ? `${n / 1000}s` : String(n);

	return (
		<Panel title="Round-trip times" note={rtt.count ? `${count(rtt.count)} measured, ${ms(rtt.sum_ms / rtt.count)} on average` : "none measured"}>
			<ol class="histogram" aria-label="Round-trip times">
				{rtt.counts.map((n, i) => (
					<li key={i} title={`${range(i)}: ${count(n)}`}>
						<span class="unseen">{range(i)}: {count(n)}</span>
						<span class="pillar" aria-hidden="true"><span style={{ height: `${100 * n / most}%` }} /></span>
						<span class="soft num" aria-hidden="true">{edge(rtt.bounds_ms[i])}</span>
					</li>
				))}
			</ol>
			<p class="soft small" aria-hidden="true">at most so many milliseconds</p>
		</Panel>
	);
}

function Workers({ pop }: { pop: Pop }) {
	const load = (i: number) => {
		const us = past.busy?.now(i);

		return us === null || us === undefined ? null : us / 10000;
	};
	const sum = (f: (w: Worker) => number) => pop.workers.reduce((n, w) => n + f(w), 0);

	return (
		<Panel title="Workers" note={sum((w) => w.events_lost) > 0 ? `▲ ${counted(sum((w) => w.events_lost), "event")} lost` : `${pop.workers.length} running`}>
			<div class="scroll">
				<table class="workers">
					<thead><tr>
						<th scope="col">No.</th><th scope="col" class="grow">Load</th><th scope="col" class="r">Merged in</th>
						<th scope="col" class="r">out</th><th scope="col" class="r">Frames in</th><th scope="col" class="r">out</th>
					</tr></thead>
					<tbody>
						{pop.workers.map((w, i) => (
							<tr key={i}>
								<th scope="row" class="num">{i}</th>
								<td class="grow load"><Bar part={(load(i) ?? 0) / 100} /><span class="num">{percent(load(i))}</span></td>
								<td class="r num">{si(w.merged_in, "")}</td><td class="r num">{si(w.merged_out, "")}</td>
								<td class="r num">{si(w.frames_in, "")}</td><td class="r num">{si(w.frames_out, "")}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
		</Panel>
	);
}

function FastPath({ pop }: { pop: Pop }) {
	const f = pop.fastpath;

	return (
		<Panel title="Fast path" note={f.available ? `${f.automatic ? "automatic, " : ""}${counted(f.queues, "queue")}` : "not available"}>
			{f.why && <p class={f.available ? "" : "soft"}>{f.why}</p>}
			{f.ports.length === 0 && f.available && <p class="empty">No interface is in it: <code>pop set fastpath</code> names some.</p>}
			{f.ports.length > 0 && (
				<div class="scroll">
					<table>
						<thead><tr><th scope="col">Interface</th><th scope="col">Mode</th><th scope="col">Since</th></tr></thead>
						<tbody>
							{f.ports.map((p) => (
								<tr key={p.name}>
									<th scope="row"><code>{p.name}</code></th>
									<td>{p.mode ?? "▼ off"}{p.why && <><br /><span class="soft">{p.why}</span></>}</td>
									<td class="num">{p.mode ? ago(pop.now, p.since) : "–"}</td>
								</tr>
							))}
						</tbody>
					</table>
				</div>
			)}
			<dl class="plain">
				<div><dt>Tunnel prefix</dt><dd><code>{pop.prefixes.tunnel ?? "none"}</code></dd></div>
				<div><dt>Subnet prefixes</dt><dd>{pop.prefixes.subnets.length ? pop.prefixes.subnets.map((s) => <code key={s}>{s} </code>) : "none"}</dd></div>
			</dl>
		</Panel>
	);
}
