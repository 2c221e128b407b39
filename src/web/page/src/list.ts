/* The list of tunnels as data: rows, search, filters, order. Nothing here draws. */
import type { TunnelList } from "./api";

export interface Row {
	tunnel: string;
	number: number;
	tid: number;
	inner: string;
	outer: string | null;
	state: string;
	type: string;
	kind: string;
	mtu: number;
	errors: number;
	drops: number;
	last_in: number | null;
	in_octets: number;
	out_octets: number;
	rtt_ms: number | null;
	loss_percent: number | null;
	words: string;			/* what a search looks through, in lower case */
}

export type Key = "tunnel" | "state" | "type" | "kind" | "inner" | "outer" | "mtu" | "rtt_ms" | "loss_percent"
	| "in_octets" | "out_octets" | "errors" | "drops" | "last_in";

export interface Wish {
	q: string;
	state: string;			/* "" is any */
	type: string;
	errors: boolean;
	sort: Key;
	down: boolean;			/* largest first */
}

/** Reads rows by the names of their columns, so that columns may be added or moved. */
export function rows_of(list: TunnelList): Row[] {
	const at = new Map(list.columns.map((name, i) => [name, i]));

	return list.rows.map((cells) => {
		const cell = (name: string) => cells[at.get(name) ?? -1] ?? null;
		const text = (name: string) => String(cell(name) ?? "");
		const tunnel = text("tunnel"), tid = Number(cell("tid")), inner = text("inner");
		const outer = cell("outer") as string | null, state = text("state"), type = text("type"), kind = text("kind");

		return {
			tunnel, tid, inner, outer, state, type, kind,
			number: Number(tunnel.slice(1)),
			mtu: Number(cell("mtu")),
			errors: Number(cell("errors")),
			drops: Number(cell("drops")),
			last_in: (cell("last_in") as number | null) || null,
			in_octets: Number(cell("in_octets")),
			out_octets: Number(cell("out_octets")),
			rtt_ms: cell("rtt_ms") as number | null,
			loss_percent: cell("loss_percent") as number | null,
			words: `${tunnel} 0x${tid.toString(16)} ${inner} ${outer ?? ""} ${state} ${type} ${kind}`.toLowerCase(),
		};
	});
}

/** An address as text that sorts as the address does. */
function address_key(a: string | null): string {
	if (!a)
		return "";
	if (!a.includes(":"))
		return "4" + a.split(".").map((n) => n.padStart(3, "0")).join("");
	const [head = "", tail] = a.split("::");
	const left = head ? head.split(":") : [];
	const right = tail ? tail.split(":") : [];
	const fill = Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");

	return "6" + [...left, ...(tail === undefined ? [] : fill), ...right].map((n) => n.padStart(4, "0")).join("");
}

function keys_of(rows: Row[], key: Key): (string | number | null)[] {
	if (key === "tunnel")
		return rows.map((r) => r.number);
	if (key === "inner" || key === "outer")
		return rows.map((r) => address_key(r[key]) || null);
	return rows.map((r) => r[key] || (typeof r[key] === "number" ? 0 : null));
}

/** Rows in order; what is not known comes last either way, and equals go by number. */
export function in_order(rows: Row[], key: Key, down: boolean): Row[] {
	const keys = keys_of(rows, key);
	const sign = down ? -1 : 1;
	const order = rows.map((_r, i) => i);

	order.sort((i, j) => {
		const a = keys[i] ?? null, b = keys[j] ?? null;

		if (a === null || b === null || a === b)
			return a === b ? (rows[i]?.number ?? 0) - (rows[j]?.number ?? 0) : a === null ? 1 : -1;
		return a < b ? -sign : sign;
	});
	return order.map((i) => rows[i] as Row);
}

/** All words must be in the row. */
export function matching(rows: Row[], w: Wish): Row[] {
	const words = w.q.toLowerCase().split(/\s+/).filter((word) => word !== "");

	return rows.filter((r) =>
		(!w.state || r.state === w.state)
		&& (!w.type || r.type === w.type)
		&& (!w.errors || r.errors > 0)
		&& words.every((word) => r.words.includes(word)));
}
