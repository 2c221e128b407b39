/* One tunnel, for the operator and, without a way to any other, for its owner. */
import { useEffect, useState } from "preact/hooks";
import type { Client, History, Series, Tunnel } from "./api";
import { get } from "./api";
import { Chart } from "./chart";
import type { Line } from "./chart";
import { ago, bits, count, counted, duration, endpoint, ms, octets, packets, percent, si, stamp, tick } from "./format";
import { usePoll, useStream } from "./live";
import { Choices, CopyButton, Drops, Fact, Findings, Nothing, Panel, StateWord, Tabs } from "./parts";
import { Faults } from "./packet";
import { Rates, WINDOW_S } from "./rates";
import { choose } from "./route";
import type { Route } from "./route";
import { Trace } from "./trace";

const HISTORY_S = 60;

const LIVE: Line[] = [
	{ label: "In", ink: "in", show: bits },
	{ label: "Out", ink: "out", dash: true, show: bits },
];
const PACKETS: Line[] = [
	{ label: "In", ink: "in", show: packets },
	{ label: "Out", ink: "out", dash: true, show: packets },
];
const RTT: Line[] = [{ label: "Round trip", ink: "in", show: ms }];
const LOSS: Line[] = [{ label: "Lost", ink: "bad", bars: true, show: percent }];
const DROPPED: Line[] = [{ label: "Dropped", ink: "bad", bars: true, show: (n) => si(n, "/min") }];

interface Props {
	name: string;
	owner: boolean;
	route: Route;
}

export function TunnelView({ name, owner, route }: Props) {
	const base = `api/v1/tunnels/${encodeURIComponent(name)}`;
	const [t, set] = useState<Tunnel | null>(null);
	const [rates] = useState(() => new Rates(4));
	const client = useClient(base);
	const link = useStream<Tunnel>(`${base}/events`, "tunnel", (v) => {
		const c = v.traffic;

		rates.add(v.now, v.now_ms, [c.in_octets * 8, c.out_octets * 8, c.in_packets, c.out_packets], 0);
		set(v);
	});

	if (!t || link.state === "refused")
		return <Nothing link={link} what={name}>{!owner && <a href="#/tunnels" class="back">Tunnels</a>}</Nothing>;

	const signs = t.kind === "ayiya" || t.type === "ayiya";
	const l = t.latency;
	const live = { x: rates.x, version: rates.version, span_s: WINDOW_S, end_s: rates.end_s, tick };

	return (
		<div class={`view tunnel ${link.state === "live" ? "" : "stale"}`}>
			<header class="title">
				{!owner && <a href="#/tunnels" class="back">Tunnels</a>}
				<h1>{t.tunnel}</h1>
				<StateWord state={t.state} />
				<span class="soft num">{t.state_since ? `for ${duration(t.now - t.state_since)}` : ""}</span>
				<span class="soft">{kind_words(t)}</span>
				<code>{t.inner_them}</code>
			</header>
			<Findings why={t.why} owner={owner} />
			<dl class="facts">
				<Fact name="In" ink="in" soft={packets(rates.now(2))}>{bits(rates.now(0))}</Fact>
				<Fact name="Out" ink="out" soft={packets(rates.now(3))}>{bits(rates.now(1))}</Fact>
				<Fact name="Round trip" soft={l.received ? `average ${ms(l.avg_ms)}` : "not measured"}>{ms(l.recent_ms)}</Fact>
				<Fact name="Loss" soft={l.sent ? `${count(l.sent - l.received)} of ${count(l.sent)}` : "not tested yet"}>{percent(l.sent ? l.loss_percent : null)}</Fact>
				<Fact name="Last packet in" soft={stamp(t.last_in)}>{ago(t.now, t.last_in)}</Fact>
				<Fact name="Last packet out" soft={stamp(t.last_out)}>{ago(t.now, t.last_out)}</Fact>
				{t.kind === "static"
					? <Fact name="MTU" soft="octets">{count(t.mtu_in_force_bytes)}</Fact>
					: <Fact name={signs ? "Last signed packet" : "Last heartbeat"} soft={`${count(t.beats)} so far`}>{ago(t.now, t.last_heartbeat)}</Fact>}
				<Fact name="Errors" soft={counted(t.errors.length, "kind")}>{count(t.errors.reduce((n, e) => n + e.count, 0))}</Fact>
			</dl>
			<Panel title="Now" class="wide-panel" note="last five minutes">
				<div class="two">
					<Chart {...live} title="Throughput" lines={LIVE} ys={rates.ys.slice(0, 2)} floor={1000} />
					<Chart {...live} title="Packets" lines={PACKETS} ys={rates.ys.slice(2)} floor={10} />
				</div>
			</Panel>
			<PastPanel base={base} route={route} />
			<Panel title="Errors" class="wide-panel" note={t.errors.length ? "with the last packet of each kind" : undefined}>
				<Faults faults={t.errors} now={t.now} route={route} />
			</Panel>
			{client && client.length > 0 && <ClientPanel of={client} route={route} />}
			<Details t={t} />
			<div class="column">
				<Panel title="Drops by reason"><Drops drops={t.drops} /></Panel>
				<Endpoints t={t} />
			</div>
			<Trace key={base} base={base} name={t.tunnel} taken={t.debugging} />
		</div>
	);
}

/* The configuration does not come with every event: it is asked for once. */
function useClient(base: string): Client[] | null {
	const [client, set] = useState<Client[] | null>(null);

	useEffect(() => {
		const stop = new AbortController();

		get<Tunnel>(base, stop.signal).then((t) => set(t.client ?? []), () => {});
		return () => stop.abort();
	}, [base]);
	return client;
}

/* What it is configured as, and how packets travel now: nothing is known about that while it is down. */
const kind_words = (t: Tunnel) => t.type === t.kind || t.type === "none" ? t.kind : `${t.kind}, ${t.type}`;

/* How many samples of a length there will be: a young daemon has fewer. */
const FULL: Record<number, number> = { 60: 120, 900: 192, 21600: 360 };
const span_of = (s: Series) => s.step_s * Math.max(FULL[s.step_s] ?? 0, s.rtt_ms.length);

function span_words(s: Series): string {
	const hours = span_of(s) / 3600;

	if (hours < 48)
		return `${Math.round(hours)} hours`;
	return hours < 24 * 14 ? `${Math.round(hours / 24)} days` : `${Math.round(hours / 24 / 7)} weeks`;
}

function PastPanel({ base, route }: { base: string; route: Route }) {
	const { data, link } = usePoll<History>(`${base}/history`, HISTORY_S);
	const wanted = Number(route.query.get("step"));

	if (!data)
		return <Panel title="History" class="wide-panel"><Nothing link={link} what="the history" /></Panel>;

	const s = data.series.find((one) => one.step_s === wanted) ?? data.series[0];

	if (!s)
		return <Panel title="History" class="wide-panel"><p class="empty">The daemon keeps no history of this tunnel.</p></Panel>;

	const n = s.rtt_ms.length;
	const x = s.rtt_ms.map((_v, i) => s.end - (n - 1 - i) * s.step_s);
	const as_bits = (y: (number | null)[]) => y.map((v) => v === null ? null : v * 8);
	const common = { x, version: data.now, span_s: span_of(s), end_s: s.end, tick, group: "past" };

	return (
		<Panel title="History" class="wide-panel" note={
			<Choices name="How far back" value={String(s.step_s)}
				set={(v) => choose({ step: v === String(data.series[0]?.step_s) ? null : v })}
				of={data.series.map((one) => ({ value: String(one.step_s), label: span_words(one) }))} />}>
			{n === 0 && <p class="empty">Nothing yet: the first sample of {duration(s.step_s)} is not over.</p>}
			{n > 0 && <div class="two past" key={s.step_s}>
				<Chart {...common} title="Throughput" lines={LIVE} ys={[as_bits(s.in_octets), as_bits(s.out_octets)]} floor={1000} />
				<Chart {...common} title="Latency" lines={RTT} ys={[s.rtt_ms]} floor={1} />
				<Chart {...common} title="Loss" lines={LOSS} ys={[s.loss_percent]} floor={10} />
				<Chart {...common} title="Drops" lines={DROPPED} ys={[s.drops]} floor={5} />
			</div>}
		</Panel>
	);
}

const PLACES = [["YOUR-PASSWORD", "the tunnel's password"], ["TIC-SERVER", "your provider's TIC server"]] as const;

function ClientPanel(p: { of: Client[]; route: Route }) {
	const asked = p.of.findIndex((c) => c.name === p.route.query.get("client"));
	const at = Math.max(asked, 0);
	const c = p.of[at];

	if (!c)
		return null;
	return (
		<Panel title="Client configuration" class="wide-panel">
			<Tabs name="Client configuration" of={p.of.map((one) => one.name)} at={at}
				set={(i) => choose({ client: i === 0 ? null : p.of[i]?.name ?? null })}>
				{c.note && <p class="client-note">{c.note}</p>}
				{c.text && <p class="client-head">
					<span>{c.file ? <>Goes into <code>{c.file}</code></> : "To be typed in"}{PLACES.filter(([word]) => c.text?.includes(word)).map(([word, what]) =>
						<>; put {what} where it says <code>{word}</code></>)}.</span>
					<CopyButton text={c.text} />
				</p>}
				{c.text && <pre tabIndex={0} aria-label={`Configuration for ${c.name}`}>{c.text}</pre>}
			</Tabs>
		</Panel>
	);
}

function Details({ t }: { t: Tunnel }) {
	const mtu = t.mtu_in_force_bytes === t.mtu_bytes ? count(t.mtu_bytes) : `${count(t.mtu_in_force_bytes)} in force, ${count(t.mtu_bytes)} configured`;
	const limits = [t.rate_kbit_s ? si(t.rate_kbit_s * 1000, "bit/s") : "", t.rate_packets_s ? packets(t.rate_packets_s) : ""].filter(Boolean);
	const facts: [string, preact.ComponentChildren][] = [
		["Your end", <code>{t.inner_them}</code>],
		["PoP's end", <code>{t.inner_us}</code>],
		["Endpoint", <code>{endpoint(t.outer_them, t.outer_port)}</code>],
		["PoP's address", <code>{t.outer_us ?? "–"}</code>],
		["Routed prefix", <code>{t.routed_prefix ?? "none"}</code>],
		["Subnets", t.subnets.length ? t.subnets.map((s) => <code key={s}>{s} </code>) : "none"],
		["Kind", `${t.kind}${t.dynamic ? ": the endpoint is where the client is" : ""}`],
		["Type", t.type === "none" ? "none as long as it is down" : t.type],
		["Encapsulation", t.encapsulation],
		["Password", t.password_set ? "set" : "not set"],
		["MTU", `${mtu}${t.outer_path_mtu_bytes ? `, path ${count(t.outer_path_mtu_bytes)}` : ""}`],
		["TCP MSS", t.tcp_mss_clamp ? "clamped" : "left alone"],
		["Rate", limits.length ? limits.join(", ") : "no limit"],
		["Latency", t.latency.received ? `${ms(t.latency.min_ms)} to ${ms(t.latency.max_ms)}` : "not measured"],
		["In, total", `${octets(t.traffic.in_octets)}, ${counted(t.traffic.in_packets, "packet")}`],
		["Out, total", `${octets(t.traffic.out_octets)}, ${counted(t.traffic.out_packets, "packet")}`],
	];

	return (
		<Panel title="Tunnel" note={`id 0x${t.tid.toString(16)}`}>
			<dl class="plain">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd class="num">{value}</dd></div>)}</dl>
		</Panel>
	);
}

function Endpoints({ t }: { t: Tunnel }) {
	return (
		<Panel title="Endpoint history" note={`moved ${counted(t.moves, "time")}`}>
			{t.endpoints.length === 0 && <p class="empty">No endpoint was seen yet.</p>}
			{t.endpoints.length > 0 && (
				<table>
					<thead><tr><th scope="col">Since</th><th scope="col">Endpoint</th></tr></thead>
					<tbody>
						{t.endpoints.map((e, i) => (
							<tr key={`${e.at}${i}`}>
								<td class="num">{stamp(e.at)} <span class="soft">{ago(t.now, e.at)}</span></td>
								<td><code>{endpoint(e.address, e.port)}</code>{i === 0 && <span class="soft"> latest</span>}</td>
							</tr>
						))}
					</tbody>
				</table>
			)}
		</Panel>
	);
}
