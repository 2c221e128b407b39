/*
 * Errors of a tunnel, each with the last packet that caused it: field by field, beside its
 * octets. The field that is pointed at, or has the focus, is marked in the octets, and the
 * octet that is pointed at names its field.
 */
import { useMemo, useState } from "preact/hooks";
import type { Fault, Field, Packet } from "./api";
import { ago, count, counted, stamp } from "./format";
import { choose } from "./route";
import type { Route } from "./route";
import { useMedia } from "./theme";

export function Faults(p: { faults: Fault[]; now: number; route: Route }) {
	const open = p.route.query.get("error");

	if (!p.faults.length)
		return <p class="empty">No errors.</p>;
	return (
		<ul class="faults">
			{p.faults.map((f) => {
				const here = open === f.name;

				return (
					<li key={f.name}>
						<div class="fault">
							<button type="button" class="quiet" aria-expanded={here} disabled={!f.packet}
								onClick={() => choose({ error: here ? null : f.name })}>
								<span aria-hidden="true">{f.packet ? here ? "▾" : "▸" : "·"}</span> {f.name}
							</button>
							<span class="num"><b>{count(f.count)}</b></span>
							<span class="soft num" title={stamp(f.last)}>last {ago(p.now, f.last)}</span>
							<span>{f.source && <>from <code>{f.source}</code></>}</span>
							<span class="soft reason">{f.sentence} {f.reason && <code class="cause">{f.reason}</code>}</span>
						</div>
						{here && f.packet && <PacketView packet={f.packet} />}
					</li>
				);
			})}
		</ul>
	);
}

function octets_of(hex: string): number[] {
	return Array.from({ length: hex.length >> 1 }, (_v, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

const two = (n: number) => n.toString(16).padStart(2, "0");
const letter = (n: number) => n >= 0x20 && n < 0x7f ? String.fromCharCode(n) : "·";
const covers = (f: Field, i: number) => f.offset <= i && i < f.offset + f.length;

/** The narrowest field an octet belongs to; a header may be a field of its own around it. */
function field_at(fields: Field[], i: number): number {
	let best = -1;

	fields.forEach((f, n) => {
		if (covers(f, i) && (best < 0 || f.length < (fields[best]?.length ?? 0)))
			best = n;
	});
	return best;
}

function PacketView({ packet }: { packet: Packet }) {
	/* a new packet of the same error comes every now and then: keep to the same field */
	const [at, set_at] = useState(-1);
	const bytes = useMemo(() => octets_of(packet.octets), [packet.octets]);
	const wide = !useMedia("(max-width: 560px)");
	const per_line = wide ? 16 : 8;
	const field = packet.fields[at];
	const lines = Array.from({ length: Math.ceil(bytes.length / per_line) }, (_v, i) => i * per_line);
	const marked = (i: number) => {
		if (!field || !covers(field, i))
			return "";
		const first = i === field.offset || i % per_line === 0;
		const last = i === field.offset + field.length - 1 || i % per_line === per_line - 1;

		return `hit ${first ? "first" : ""} ${last ? "last" : ""}`;
	};
	const point = (i: number) => ({ class: marked(i), onMouseEnter: () => set_at(field_at(packet.fields, i)) });

	return (
		<div class="packet" onMouseLeave={() => set_at(-1)}>
			<div class="scroll fields">
				<table>
					<caption class="unseen">Fields of the packet</caption>
					<thead><tr><th scope="col">Field</th><th scope="col">Value</th><th scope="col" class="r">Octets</th></tr></thead>
					<tbody>
						{packet.fields.map((f, i) => {
							const begins = f.layer !== packet.fields[i - 1]?.layer;
							const end = f.offset + f.length - 1;

							return [
								begins && <tr key={`layer ${i}`} class="layer"><th scope="rowgroup" colSpan={3}>{f.layer}</th></tr>,
								<tr key={i} tabIndex={0} class={i === at ? "hit" : ""} onFocus={() => set_at(i)} onMouseEnter={() => set_at(i)}
									onKeyDown={(e) => {
										const to = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[e.key] as "nextElementSibling" | undefined;
										let row = to ? e.currentTarget[to] : null;

										if (to)
											e.preventDefault();
										while (to && row?.classList.contains("layer"))
											row = row[to];
										(row as HTMLElement | null)?.focus();
									}}>
									<th scope="row"><span aria-hidden="true" class="pointer">{i === at ? "▸" : ""}</span>{f.name}</th>
									<td><code>{f.value}</code></td>
									<td class="r num soft">{f.length > 1 ? `${f.offset}–${end}` : f.offset}</td>
								</tr>,
							];
						})}
					</tbody>
				</table>
			</div>
			<div class="dump">
				<pre aria-label={`Octets of the packet${field ? `, ${field.name} marked` : ""}`} tabIndex={0}>
					{lines.map((from) => (
						<span class="line" key={from}>
							<span class="soft at">{from.toString(16).padStart(4, "0")}</span>
							<span class="hex">{bytes.slice(from, from + per_line).map((b, i) => <span key={i} {...point(from + i)}>{two(b)}</span>)}</span>
							{wide && <span class="text" aria-hidden="true">{bytes.slice(from, from + per_line).map((b, i) => <span key={i} {...point(from + i)}>{letter(b)}</span>)}</span>}
							{"\n"}
						</span>
					))}
				</pre>
				<p class="soft small">
					{bytes.length < packet.length ? `The first ${count(bytes.length)} of ${count(packet.length)} octets were kept.` : `${counted(packet.length, "octet")}.`}
					{field && <> Marked: <b>{field.name}</b> = {field.value}</>}
				</p>
			</div>
		</div>
	);
}
