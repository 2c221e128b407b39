/*
 * Where we are: everything behind the '#'. A view's filters, order and choices stand there
 * as well, so that an address can be shared. A token may come in by the fragment, which
 * browsers do not send; it is taken out at once.
 */
import { useEffect, useState } from "preact/hooks";
import { keep_token } from "./api";

export interface Route {
	path: string[];
	query: URLSearchParams;
}

const WRITE_MS = 400;		/* Safari refuses a hundred changes of the address in 30 s: fast typing */
const watchers = new Set<() => void>();
let here = location.hash;	/* what the address says, or will in a moment */
let written_ms = 0;
let later = 0;

/** Makes the address say where we are. */
function write(): void {
	clearTimeout(later);
	later = 0;
	if (here === location.hash)
		return;
	written_ms = Date.now();
	history.replaceState(null, "", here);
}

function write_soon(): void {
	const wait_ms = written_ms + WRITE_MS - Date.now();

	if (wait_ms <= 0)
		write();
	else if (!later)
		later = window.setTimeout(write, wait_ms);
}

function plain(part: string): string {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}

function parse(): Route {
	const [path = "", query = ""] = here.replace(/^#/, "").split(/\?(.*)/s);

	return {
		path: path.split("/").filter((part) => part !== "").map(plain),
		query: new URLSearchParams(query),
	};
}

export function href(path: string[], query?: URLSearchParams): string {
	const q = query?.toString();

	return "#/" + path.map(encodeURIComponent).join("/") + (q ? "?" + q : "");
}

/** Which token a view goes by: the operator's, or that of the one tunnel it shows. */
export function scope_of(r: Route): string {
	return r.path[0] === "my" && r.path[1] ? r.path[1] : "admin";
}

function take_token(): void {
	const r = parse();
	const token = r.query.get("token");

	if (token === null)
		return;
	if (token)
		keep_token(scope_of(r), token);
	r.query.delete("token");
	here = href(r.path, r.query);
	write();
}

function changed(): void {
	for (const w of watchers)
		w();
}

addEventListener("hashchange", () => {
	clearTimeout(later);
	later = 0;
	here = location.hash;
	take_token();
	changed();
});
addEventListener("click", write, true);		/* a link must lead away from the right place */
take_token();

export function useRoute(): Route {
	const [route, set] = useState(parse);

	useEffect(() => {
		const w = () => set(parse());

		watchers.add(w);
		w();
		return () => void watchers.delete(w);
	}, []);
	return route;
}

/** Changes choices of the view we are in. null takes one out. Adds nothing to the history. */
export function choose(change: Record<string, string | null>): void {
	const r = parse();

	for (const [name, value] of Object.entries(change)) {
		if (value === null || value === "")
			r.query.delete(name);
		else
			r.query.set(name, value);
	}
	here = href(r.path, r.query);
	write_soon();
	changed();
}

export function go(hash: string): void {
	write();
	location.hash = hash;
}

/** Goes there as if we had never been here. */
export function go_instead(hash: string): void {
	here = hash;
	write();
	changed();
}
