/* Small pieces several views use. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Drop, Finding, Severity, State } from "./api";
import { count } from "./format";
import type { Link } from "./live";

export function Panel(p: { title: string; note?: ComponentChildren; class?: string; children: ComponentChildren }) {
	return (
		<section class={`panel ${p.class ?? ""}`}>
			<header><h2>{p.title}</h2>{p.note !== undefined && <span class="soft">{p.note}</span>}</header>
			{p.children}
		</section>
	);
}

/** One fact with its name above it. */
export function Fact(p: { name: string; children: ComponentChildren; soft?: ComponentChildren; ink?: string }) {
	return (
		<div class={`fact ${p.ink ?? ""}`}>
			<dt>{p.name}</dt>
			<dd><span class="num">{p.children}</span>{p.soft !== undefined && <small class="soft num">{p.soft}</small>}</dd>
		</div>
	);
}

/* A sign and a word each, since colour alone tells not everybody something. */
const STATE_SIGN: Record<State, string> = { up: "●", down: "▼", disabled: "■", none: "○" };
const SEVERITY: Record<Severity, [string, string]> = {
	error: ["✖", "Error"], warning: ["▲", "Warning"], note: ["●", "Note"], ok: ["✔", "Fine"],
};

export function StateWord(p: { state: string }) {
	return (
		<span class={`state ${p.state}`}>
			<span aria-hidden="true">{STATE_SIGN[p.state as State] ?? "?"}</span> {p.state}
		</span>
	);
}

/* What only the operator can do: a command of his, or something amiss with the PoP. */
const COMMAND = /((?:(?:tunnel|pop) (?:set|show|why|capture)|ip (?:-6 )?(?:link|address|route)|sysctl -w)\b(?:[^;:,?)]|:(?=\S))*)/;
const OF_POP = ["POP_BROKEN", "POP_TROUBLE", "SEND_REFUSED"];

/** @owner: of the tunnel. What is not his to do is what he asks for. */
function Remedy({ of, owner }: { of: Finding; owner: boolean }) {
	const parts = of.remedy.split(COMMAND);		/* commands stand at odd places */
	const commands = parts.filter((_part, i) => i % 2 === 1);
	const sets = commands.some((c) => /^\w+ set/.test(c));
	const ask = OF_POP.includes(of.cause) ? "do that: ask for it"
		: commands.length ? `give ${commands.length > 1 ? "these commands" : "this command"}: ask for ${commands.length > 1 ? "what they do" : sets ? "it" : "what it says"}` : "";

	return (
		<>
			<p class="remedy">{parts.map((part, i) => i % 2 ? <code key={i}>{part}</code> : part)}</p>
			{owner && ask && <p class="soft">Only the operator of the PoP can {ask}.</p>}
		</>
	);
}

export function Findings(p: { why: Finding[]; owner?: boolean }) {
	if (!p.why.length)
		return null;
	return (
		<section class="findings" aria-label="Why">
			<ul>
				{p.why.map((f, i) => {
					const [sign, word] = SEVERITY[f.severity] ?? ["?", f.severity];

					return (
						<li key={f.cause + i} class={`finding ${f.severity}`}>
							<span class="severity"><span aria-hidden="true">{sign}</span> {word}</span>
							<div>
								<p class="sentence">{f.sentence} <code class="cause">{f.cause}</code></p>
								{f.remedy && <Remedy of={f} owner={p.owner ?? false} />}
								{f.evidence.length > 0 && (
									<details>
										<summary>Evidence</summary>
										<ul>{f.evidence.map((e, n) => <li key={n}>{e}</li>)}</ul>
									</details>
								)}
							</div>
						</li>
					);
				})}
			</ul>
		</section>
	);
}

/** Drops, most frequent first. @rate: per second, where it is known */
export function Drops(p: { drops: Drop[]; rate?: (reason: string) => string }) {
	if (!p.drops.length)
		return <p class="empty">Nothing was dropped since the start.</p>;
	const most = Math.max(...p.drops.map((d) => d.count));

	return (
		<div class="scroll drops">
			<table>
				<thead>
					<tr><th scope="col">Reason</th><th scope="col"><span class="unseen">Share</span></th>{p.rate && <th scope="col" class="r">Now</th>}<th scope="col" class="r">Since start</th></tr>
				</thead>
				<tbody>
					{[...p.drops].sort((a, b) => b.count - a.count).map((d) => (
						<tr key={d.reason}>
							<td>{d.sentence} <code class="cause">{d.reason}</code></td>
							<td><Bar part={d.count / most} /></td>
							{p.rate && <td class="r num">{p.rate(d.reason)}</td>}
							<td class="r num">{count(d.count)}</td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

/** A bar behind or beside a number that says the same. */
export function Bar(p: { part: number; class?: string }) {
	return (
		<span class={`bar ${p.class ?? ""}`} aria-hidden="true">
			<span style={{ width: `${Math.min(Math.max(p.part, 0), 1) * 100}%` }} />
		</span>
	);
}

export function Choices<T extends string>(p: {
	name: string; value: T; of: { value: T; label: ComponentChildren }[]; set: (v: T) => void;
}) {
	return (
		<div class="choices" role="group" aria-label={p.name}>
			{p.of.map((o) => (
				<button key={o.value} type="button" aria-pressed={o.value === p.value}
					onClick={() => p.set(o.value)}>{o.label}</button>
			))}
		</div>
	);
}

/** Tabs as the ARIA practices have them: one stop for Tab, arrows move. */
export function Tabs(p: { name: string; of: string[]; at: number; set: (i: number) => void; children: ComponentChildren }) {
	const list = useRef<HTMLDivElement>(null);
	const id = p.name.replace(/\W+/g, "-").toLowerCase();

	const key = (e: KeyboardEvent) => {
		const n = p.of.length;
		const to = { ArrowLeft: p.at + n - 1, ArrowRight: p.at + 1, Home: 0, End: n - 1 }[e.key];

		if (to === undefined)
			return;
		e.preventDefault();
		p.set(to % n);
		(list.current?.children[to % n] as HTMLElement | undefined)?.focus();
	};

	return (
		<>
			<div class="tabs" role="tablist" aria-label={p.name} ref={list} onKeyDown={key}>
				{p.of.map((label, i) => (
					<button key={label} type="button" role="tab" id={`${id}-${i}`} aria-selected={i === p.at}
						aria-controls={`${id}-panel`} tabIndex={i === p.at ? 0 : -1}
						onClick={() => p.set(i)}>{label}</button>
				))}
			</div>
			<div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${p.at}`}>{p.children}</div>
		</>
	);
}

function copy_by_selection(text: string): boolean {
	const area = document.createElement("textarea");

	area.value = text;
	area.className = "unseen";
	document.body.append(area);
	area.select();
	const good = document.execCommand("copy");

	area.remove();
	return good;
}

export function CopyButton(p: { text: string }) {
	const [said, say] = useState("");

	useEffect(() => say(""), [p.text]);
	const copy = async () => {
		let good = true;

		try {	/* only pages by HTTPS or from this machine have a clipboard */
			await navigator.clipboard.writeText(p.text);
		} catch {
			good = copy_by_selection(p.text);
		}
		say(good ? "Copied" : "Copying was refused: select the text instead");
	};

	return (
		<span class="copy">
			<button type="button" onClick={() => void copy()}>Copy</button>
			<span role="status">{said}</span>
		</span>
	);
}

/** What stands there while there is nothing to show yet, or never will be. */
export function Nothing(p: { link: Link; what: string; children?: ComponentChildren }) {
	if (p.link.state === "refused")
		return (
			<div class="nothing" role="alert">
				<h1>{p.link.status === 404 ? "Not found" : p.link.status === 403 ? "Not yours to see" : "Refused"}</h1>
				<p>{p.link.why}</p>
				{p.children && <p>{p.children}</p>}
			</div>
		);
	return <p class="nothing soft" role="status">{p.link.state === "away" ? `${p.what}: waiting for the daemon` : `Loading ${p.what} …`}</p>;
}
