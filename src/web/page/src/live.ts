/*
 * Keeping in touch with the daemon: event streams, polling, and one word for the header
 * about how that goes.
 *
 * EventSource cannot send a token, so streams are read with fetch(). A stream that says
 * nothing for SILENCE_MS is given up: the daemon sends every second, and a host that lost
 * power closes no connection. A page nobody has seen for HIDDEN_MS lets go of its stream,
 * since a browser opens only six connections to a host and every tab has one.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, get, is_final, sentence_of, Refused } from "./api";

const SILENCE_MS = 8_000;
const HIDDEN_MS = 20_000;
const LONGEST_WAIT_MS = 15_000;

export interface Link {
	state: "opening" | "live" | "away" | "refused";
	since_ms: number;
	why: string;
	status: number;
}

const opening = (): Link => ({ state: "opening", since_ms: Date.now(), why: "", status: 0 });

/* What the header shows, and who is told that a token stopped working. */
let shown: Link = opening();
const watchers = new Set<(l: Link) => void>();
let unauthorised: (sentence: string) => void = () => {};

export function on_unauthorised(f: (sentence: string) => void): void {
	unauthorised = f;
}

function report(l: Link): void {
	shown = l;
	for (const w of watchers)
		w(l);
}

export function useLink(): Link {
	const [link, set] = useState(shown);

	useEffect(() => {
		watchers.add(set);
		set(shown);
		return () => void watchers.delete(set);
	}, []);
	return link;
}

/** Follows the state of one source; "since" is when the present state began. */
class Line {
	link = opening();

	constructor(private readonly tell: (l: Link) => void) {
		tell(this.link);
	}

	live(): void {
		if (this.link.state !== "live")
			this.set({ state: "live", since_ms: Date.now(), why: "", status: 200 });
	}

	/** Return: whether to try again */
	failed(e: unknown): boolean {
		const status = e instanceof Refused ? e.status : 0;

		if (is_final(e)) {
			this.set({ state: "refused", since_ms: Date.now(), why: e.message, status });
			if (status === 401)
				unauthorised(e.message);
			return false;
		}
		const since_ms = this.link.state === "away" ? this.link.since_ms : Date.now();

		this.set({ state: "away", since_ms, why: sentence_of(e), status });
		return true;
	}

	private set(l: Link): void {
		this.link = l;
		this.tell(l);
	}
}

/** Ends early when the page is looked at again, the network returns, or stop() is called. */
function wait(ms: number, stop: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			clearTimeout(timer);
			removeEventListener("online", done);
			document.removeEventListener("visibilitychange", seen);
			stop.removeEventListener("abort", done);
			resolve();
		};
		const seen = () => document.hidden || done();
		const timer = setTimeout(done, ms);

		addEventListener("online", done);
		document.addEventListener("visibilitychange", seen);
		stop.addEventListener("abort", done);
	});
}

/** 1, 2, 4 ... seconds, spread a little so that a hundred pages do not come back at once */
function back_off_ms(tries: number): number {
	return Math.min(1000 * 2 ** tries, LONGEST_WAIT_MS) * (0.75 + Math.random() / 2);
}

type Heard = (event: string, data: string) => void;

/** Reads events until the stream ends. text/event-stream as in the HTML standard, 9.2.6. */
async function read_events(body: ReadableStream<Uint8Array>, heard: Heard, alive: () => void) {
	const reader = body.getReader();
	const decoder = new TextDecoder();
	let rest = "", event = "message", data: string[] = [];

	for (;;) {
		const { done, value } = await reader.read();

		if (done)
			return;
		alive();
		const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r/);

		rest = lines.pop() ?? "";
		for (const line of lines) {
			if (line === "") {
				if (data.length)
					heard(event, data.join("\n"));
				event = "message";
				data = [];
			} else if (line.startsWith("data:")) {
				data.push(line.slice(5).replace(/^ /, ""));
			} else if (line.startsWith("event:")) {
				event = line.slice(6).trim();
			}
		}
	}
}

/**
 * follow() - open an event stream and keep it open
 * @quiet: it may be silent for long (a trace), so silence means nothing
 *
 * Return: a function that ends it
 */
export function follow(path: string, heard: Heard, tell: (l: Link) => void, quiet = false) {
	const stop = new AbortController();
	const line = new Line(tell);

	void (async () => {
		for (let tries = 0; !stop.signal.aborted; tries++) {
			const one = new AbortController();
			const end = () => one.abort();
			let timer = 0, hidden = 0;
			const alive = () => {
				clearTimeout(timer);
				if (!quiet)
					timer = window.setTimeout(end, SILENCE_MS);
			};
			const seen = () => {
				clearTimeout(hidden);
				if (document.hidden && !quiet)
					hidden = window.setTimeout(end, HIDDEN_MS);
			};

			document.addEventListener("visibilitychange", seen);
			stop.signal.addEventListener("abort", end);
			let again = true;

			try {
				alive();
				const answer = await ask(path, one.signal);

				if (!answer.body)
					throw new Error("no body");
				line.live();
				await read_events(answer.body, (event, data) => {
					tries = 0;
					heard(event, data);
				}, alive);
				if (!stop.signal.aborted)
					again = line.failed(new Error("ended"));
			} catch (e) {
				if (!stop.signal.aborted)
					again = line.failed(e);
			}
			clearTimeout(timer);
			clearTimeout(hidden);
			document.removeEventListener("visibilitychange", seen);
			stop.signal.removeEventListener("abort", end);
			if (!again)
				return;
			while (document.hidden && !stop.signal.aborted)
				await wait(LONGEST_WAIT_MS, stop.signal);
			await wait(back_off_ms(tries), stop.signal);
		}
	})();
	return () => stop.abort();
}

/** The latest object of an event stream; also what the header reports. */
export function useStream<T>(path: string, event: string, heard: (value: T) => void): Link {
	const [link, set_link] = useState(opening);
	const latest = useRef(heard);

	latest.current = heard;
	useEffect(() => follow(path, (name, data) => {
		if (name === event)
			latest.current(JSON.parse(data) as T);
	}, (l) => {
		set_link(l);
		report(l);
	}), [path, event]);
	return link;
}

export interface Polled<T> {
	data: T | null;
	link: Link;
	refresh: () => void;
}

/** Asks every so many seconds while the page is in sight. */
export function usePoll<T>(path: string, every_s: number, shows = false): Polled<T> {
	const [data, set_data] = useState<T | null>(null);
	const [link, set_link] = useState(opening);
	const [round, set_round] = useState(0);

	useEffect(() => set_data(null), [path]);
	useEffect(() => {
		const stop = new AbortController();
		const line = new Line((l) => {
			set_link(l);
			if (shows)
				report(l);
		});

		void (async () => {
			for (let tries = 0; !stop.signal.aborted;) {
				try {
					const value = await get<T>(path, stop.signal);

					line.live();
					set_data(value);
					tries = 0;
					await wait(every_s * 1000, stop.signal);
				} catch (e) {
					if (stop.signal.aborted || !line.failed(e))
						return;
					await wait(back_off_ms(tries++), stop.signal);
				}
				while (document.hidden && !stop.signal.aborted)
					await wait(LONGEST_WAIT_MS, stop.signal);
			}
		})();
		return () => stop.abort();
	}, [path, every_s, shows, round]);
	return { data, link, refresh: () => set_round((n) => n + 1) };
}
