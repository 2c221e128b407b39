/*
 * The live decision view: what happens to each packet of a tunnel, in words. The daemon
 * traces as long as our stream is open, so leaving the view ends it.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "./format";
import { follow } from "./live";
import type { Link } from "./live";
import { CopyButton, Panel } from "./parts";

const KEPT = 500;		/* lines; older ones go */
const DRAW_MS = 150;

export function Trace(p: { base: string; name: string; taken: boolean }) {
	const [on, set_on] = useState(false);
	const [lines, set_lines] = useState<string[]>([]);
	const [said, say] = useState("");
	const total = useRef(0);
	const log = useRef<HTMLDivElement>(null);
	const at_end = useRef(true);

	useEffect(() => {
		if (!on)
			return;

		/* packets come faster than anything should be drawn */
		let fresh: string[] = [];
		let over = false;
		const draw = setInterval(() => {
			if (!fresh.length)
				return;
			const more = fresh;

			fresh = [];
			set_lines((old) => [...old, ...more].slice(-KEPT));
		}, DRAW_MS);
		const stop = follow(`${p.base}/trace`, (event, data) => {
			const value = JSON.parse(data) as { text?: string; why?: string };

			if (event === "trace") {
				total.current++;
				fresh.push(value.text ?? "");
				if (fresh.length > KEPT)
					fresh.shift();
			} else if (event === "end") {
				over = true;		/* what the connection does from here on is no news */
				say(value.why ?? "The daemon ended it.");
				set_on(false);
				stop();
			}
		}, (l: Link) => {
			if (over)
				return;
			if (l.state === "live")
				say("Watching. Lines appear as packets come.");
			if (l.state === "away")
				say(`Interrupted: ${l.why}`);
			if (l.state === "refused") {
				over = true;
				say(l.why);
				set_on(false);
			}
		}, true);

		return () => {
			stop();
			clearInterval(draw);
			set_lines((old) => [...old, ...fresh].slice(-KEPT));
			if (!over)
				say("Stopped.");	/* drawn with the last lines, not before them */
		};
	}, [on, p.base]);

	useLayoutEffect(() => {
		if (log.current && at_end.current)
			log.current.scrollTop = log.current.scrollHeight;
	}, [lines]);

	const toggle = () => {
		if (!on) {
			total.current = 0;
			set_lines([]);
			say("Starting …");
			at_end.current = true;
		}
		set_on(!on);
	};

	return (
		<Panel title="Live decisions" class="wide-panel" note={lines.length > 0 && `${count(total.current)} lines${total.current > KEPT ? `, the last ${KEPT} kept` : ""}`}>
			<div class="trace-head">
				<button type="button" class={on ? "" : "main"} aria-pressed={on} onClick={toggle}>{on ? "■ Stop" : "▶ Start"}</button>
				<span role="status">{said || (p.taken && !on ? `${p.name} is being traced by another session.` : "Shows each packet of this tunnel and what was decided about it.")}</span>
				{lines.length > 0 && !on && <CopyButton text={lines.join("\n")} />}
			</div>
			{(on || lines.length > 0) && (
				<div class="trace" role="log" aria-live="off" aria-label="Decisions" tabIndex={0} ref={log}
					onScroll={(e) => {
						const box = e.currentTarget;

						at_end.current = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
					}}>
					{lines.map((text, i) => <div key={i}>{text}</div>)}
				</div>
			)}
		</Panel>
	);
}
