/*
 * The JSON API as the page uses it: types, tokens, one request.
 *
 * Addresses are relative, so that the page also works below a path of a reverse proxy.
 */

export type Severity = "error" | "warning" | "note" | "ok";
export type State = "none" | "disabled" | "down" | "up";
export type Column = (number | null)[];

export interface Session {
	role: "admin" | "owner" | "none";
	tunnel: string | null;
	pop: string | null;	/* not for strangers */
	version: string | null;
	token_needed: boolean;
}

export interface Finding {
	cause: string;
	severity: Severity;
	sentence: string;
	evidence: string[];
	remedy: string;
}

export interface Traffic {
	in_packets: number;
	in_octets: number;
	out_packets: number;
	out_octets: number;
}

export interface Drop {
	reason: string;
	sentence: string;
	count: number;
}

export interface Worker {
	busy_us: number;
	events_lost: number;
	merged_in: number;
	merged_out: number;
	frames_in: number;
	frames_out: number;
}

export interface Port {
	name: string;
	mode: string | null;
	since: number;
	why: string;
}

export interface Pop {
	name: string;
	id: number;
	version: string;
	started: number;
	now: number;
	now_ms: number;		/* of a clock that is never set: only differences mean something */
	uptime_s: number;
	revision: number;
	clock_synchronised: boolean;
	prefixes: { tunnel: string | null; subnets: string[] };
	tunnels: {
		configured: number;
		up: number;
		down: number;
		disabled: number;
		active: number;
		by_type: Record<string, number>;
		limit: number;
	};
	traffic: { uplink: Traffic; total: Traffic; fast: Traffic };
	drops: Drop[];
	rtt: { bounds_ms: number[]; counts: number[]; sum_ms: number; count: number };
	workers: Worker[];
	fastpath: { available: boolean; why: string; automatic: boolean; ports: Port[]; queues: number };
	why: Finding[];
}

export interface TunnelList {
	now: number;
	columns: string[];
	rows: (string | number | null)[][];
}

export interface Field {
	layer: string;
	name: string;
	value: string;
	offset: number;
	length: number;
}

export interface Packet {
	length: number;
	octets: string;
	fields: Field[];
}

export interface Fault {
	name: string;
	count: number;
	last: number | null;
	source: string | null;
	reason: string | null;
	sentence: string;
	packet?: Packet | null;
}

export interface Client {
	name: string;
	file: string | null;
	text: string | null;	/* null: it cannot work for this tunnel, and note says why */
	note: string | null;
}

export interface Tunnel {
	now: number;
	now_ms: number;		/* of a clock that is never set: only differences mean something */
	tunnel: string;
	tid: number;
	inner_us: string;
	inner_them: string;
	outer_us: string | null;
	outer_them: string | null;
	outer_port: number | null;
	state: State;
	state_since: number | null;
	type: string;
	kind: string;
	encapsulation: string;
	dynamic: boolean;
	disabled: boolean;
	password_set: boolean;
	debugging: boolean;
	mtu_bytes: number;
	mtu_in_force_bytes: number;
	outer_path_mtu_bytes: number | null;
	rate_kbit_s: number;
	rate_packets_s: number;
	tcp_mss_clamp: boolean;
	routed_prefix: string | null;
	subnets: string[];
	traffic: Traffic;
	last_in: number | null;
	last_out: number | null;
	last_heartbeat: number | null;
	beats: number;
	moves: number;
	latency: {
		sent: number;
		received: number;
		loss_percent: number | null;
		min_ms: number | null;
		avg_ms: number | null;
		max_ms: number | null;
		recent_ms: number | null;
	};
	errors: Fault[];
	drops: Drop[];
	endpoints: { at: number; address: string; port: number | null }[];
	why: Finding[];
	client?: Client[];
}

export interface Series {
	step_s: number;
	end: number;
	in_octets: Column;
	out_octets: Column;
	in_packets: Column;
	out_packets: Column;
	rtt_ms: Column;
	loss_percent: Column;
	drops: Column;
}

export interface History {
	now: number;
	tunnel: string;
	series: Series[];
}

/* Tokens: one for the operator ("admin"), one per tunnel ("T42"). They live as long as the tab. */
const KEY = "sixxsd-token:";
const unsaved = new Map<string, string>();	/* where the browser allows no storage */
let bearer: string | null = null;

export function token_of(scope: string): string | null {
	try {
		return sessionStorage.getItem(KEY + scope) ?? unsaved.get(scope) ?? null;
	} catch {
		return unsaved.get(scope) ?? null;
	}
}

export function keep_token(scope: string, token: string): void {
	try {
		sessionStorage.setItem(KEY + scope, token);
	} catch {
		unsaved.set(scope, token);
	}
}

export function drop_token(scope: string): void {
	unsaved.delete(scope);
	try {
		sessionStorage.removeItem(KEY + scope);
	} catch { /* nothing was kept there */ }
}

/** The tunnel a token is kept for, if there is one. */
export function owned_tunnel(): string | null {
	const names = [...unsaved.keys()];

	try {
		for (let i = 0; i < sessionStorage.length; i++) {
			const key = sessionStorage.key(i) ?? "";

			if (key.startsWith(KEY))
				names.push(key.slice(KEY.length));
		}
	} catch { /* as above */ }
	return names.find((name) => name !== "admin") ?? null;
}

export function use_token(token: string | null): void {
	bearer = token;
}

/** "no such tunnel" among sentences of the page: "No such tunnel." */
function as_sentence(s: string): string {
	return s.charAt(0).toUpperCase() + s.slice(1) + (/[.!?]$/.test(s) ? "" : ".");
}

/** The daemon answered, but not with what was asked for. */
export class Refused extends Error {
	constructor(readonly status: number, sentence: string) {
		super(as_sentence(sentence));
	}
}

export async function ask(path: string, signal?: AbortSignal): Promise<Response> {
	const answer = await fetch(path, {
		headers: bearer ? { Authorization: `Bearer ${bearer}` } : {},
		cache: "no-store",
		signal: signal ?? null,
	});

	if (answer.ok)
		return answer;

	let sentence = `The daemon answered with status ${answer.status}.`;

	try {
		const body = (await answer.json()) as { error?: unknown };

		if (typeof body.error === "string")
			sentence = body.error;
	} catch { /* not ours: a proxy's page, perhaps */ }
	throw new Refused(answer.status, sentence);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
	return (await (await ask(path, signal)).json()) as T;
}

/** Asking again does not help: the answer is about what was asked, not about the moment. */
export function is_final(e: unknown): e is Refused {
	return e instanceof Refused && [400, 401, 403, 404].includes(e.status);
}

export function sentence_of(e: unknown): string {
	if (e instanceof Refused)
		return e.message;
	if (e instanceof SyntaxError)
		return "What answers there is not sixxsd.";
	return "The daemon does not answer.";
}
