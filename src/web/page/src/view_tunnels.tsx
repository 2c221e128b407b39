/*
 * All tunnels. Only the rows in sight exist: the list is as high as all of them, and those
 * few stand where they belong. All rows have one height.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TunnelList } from "./api";
import { ago, clock, count, ms, octets, percent } from "./format";
import { in_order, matching, rows_of } from "./list";
import type { Key, Row, Wish } from "./list";
import { usePoll } from "./live";
import { Choices, Nothing, StateWord } from "./parts";
import { choose, go, href } from "./route";
import type { Route } from "./route";
import { useMedia } from "./theme";

const EVERY_S = 30;
const SPARE = 6;		/* rows drawn beyond each edge */
const MOST = 200;		/* rows drawn, were the list ever as high as all of them */

interface Head {
	key: Key;
	label: string;
	class?: string;
	down?: boolean;		/* the first click puts the largest on top */
	cell: (r: Row, now: number) => preact.ComponentChildren;
}

const HEADS: Head[] = [
	{ key: "tunnel", label: "Tunnel", cell: (r) => <a href={href(["tunnels", r.tunnel])} tabIndex={-1}>{r.tunnel}</a> },
	{ key: "state", label: "State", cell: (r) => <StateWord state={r.state} /> },
	{ key: "type", label: "Type", cell: (r) => r.type },
	{ key: "kind", label: "Kind", cell: (r) => r.kind },
	{ key: "inner", label: "Inner address", class: "addr", cell: (r) => r.inner },
	{ key: "outer", label: "Endpoint", class: "addr", cell: (r) => r.outer ?? "–" },
	{ key: "mtu", label: "MTU", class: "r", cell: (r) => r.mtu },
	{ key: "rtt_ms", label: "RTT", class: "r", cell: (r) => ms(r.rtt_ms) },
	{ key: "loss_percent", label: "Loss", class: "r", down: true, cell: (r) => percent(r.loss_percent) },
	{ key: "in_octets", label: "In", class: "r", down: true, cell: (r) => octets(r.in_octets) },
	{ key: "out_octets", label: "Out", class: "r", down: true, cell: (r) => octets(r.out_octets) },
	{ key: "errors", label: "Errors", class: "r errs", down: true, cell: (r) => r.errors ? <b>▲ {count(r.errors)}</b> : <span class="wide">0</span> },
	{ key: "drops", label: "Drops", class: "r", down: true, cell: (r) => count(r.drops) },
	{ key: "last_in", label: "Last in", class: "r", down: true, cell: (r, now) => ago(now, r.last_in) },
];

const STATES = ["up", "down", "disabled", "none"];
const TYPES = ["direct", "ayiya", "gre", "none"];

function wish_of(q: URLSearchParams): Wish {
	const sort = q.get("sort") ?? "";
	const key = sort.replace(/^-/, "");

	return {
		q: q.get("q") ?? "",
		state: q.get("state") ?? "",
		type: q.get("type") ?? "",
		errors: q.get("errors") === "1",
		sort: HEADS.find((h) => h.key === key)?.key ?? "tunnel",
		down: sort.startsWith("-"),
	};
}

/* Where one was, for coming back from a tunnel. */
let left_at = { top: 0, tunnel: "" };

export function TunnelsView({ route }: { route: Route }) {
	const { data, link, refresh } = usePoll<TunnelList>("api/v1/tunnels", EVERY_S, true);
	const wish = wish_of(route.query);
	const all = useMemo(() => data ? rows_of(data) : [], [data]);
	const ordered = useMemo(() => in_order(all, wish.sort, wish.down), [all, wish.sort, wish.down]);
	const rows = useMemo(() => matching(ordered, wish), [ordered, wish.q, wish.state, wish.type, wish.errors]);
	const counts = useMemo(() => {
		const n = new Map<string, number>();

		for (const r of all) {
			n.set("state " + r.state, (n.get("state " + r.state) ?? 0) + 1);
			n.set("type " + r.type, (n.get("type " + r.type) ?? 0) + 1);
			if (r.errors)
				n.set("errors", (n.get("errors") ?? 0) + 1);
		}
		return n;
	}, [all]);
	const search = useRef<HTMLInputElement>(null);
	const grid = useRef<HTMLDivElement>(null);

	useEffect(() => {
		const key = (e: KeyboardEvent) => {
			const in_field = e.target instanceof HTMLElement && e.target.matches("input, textarea, select");

			if (e.key !== "/" || in_field || e.ctrlKey || e.metaKey || e.altKey)
				return;
			e.preventDefault();
			search.current?.focus();
			search.current?.select();
		};

		document.addEventListener("keydown", key);
		return () => document.removeEventListener("keydown", key);
	}, []);

	if (!data)
		return <Nothing link={link} what="the list of tunnels" />;

	const options = (what: string, names: string[]) => [
		{ value: "", label: "any" },
		...names.filter((n) => counts.has(`${what} ${n}`) || wish.state === n || wish.type === n).map((n) => (
			{ value: n, label: <>{n} <span class="num soft">{count(counts.get(`${what} ${n}`) ?? 0)}</span></> })),
	];
	const search_key = (e: KeyboardEvent) => {
		if (e.key === "ArrowDown" || e.key === "Enter") {
			e.preventDefault();
			grid.current?.focus();
		} else if (e.key === "Escape") {
			choose({ q: null });
		}
	};
	const narrowed = wish.q || wish.state || wish.type || wish.errors;

	return (
		<div class={`view list ${link.state === "live" ? "" : "stale"}`}>
			<h1 class="unseen">Tunnels</h1>
			<form class="filters" role="search" onSubmit={(e) => e.preventDefault()}>
				<label class="search"><span class="unseen">Search</span>
					<input ref={search} type="search" value={wish.q} placeholder="Search: T42, address  ( / )"
						onInput={(e) => choose({ q: e.currentTarget.value })} onKeyDown={search_key}
						autocomplete="off" spellcheck={false} />
				</label>
				<span class="filter"><span class="soft" aria-hidden="true">State</span>
					<Choices name="State" value={wish.state} of={options("state", STATES)} set={(v) => choose({ state: v })} /></span>
				<span class="filter"><span class="soft" aria-hidden="true">Type</span>
					<Choices name="Type" value={wish.type} of={options("type", TYPES)} set={(v) => choose({ type: v })} /></span>
				<label class="tick"><input type="checkbox" checked={wish.errors}
					onChange={(e) => choose({ errors: e.currentTarget.checked ? "1" : null })} /> with errors <span class="num soft">{count(counts.get("errors") ?? 0)}</span></label>
				<label class="narrow sort">Order
					<select value={(wish.down ? "-" : "") + wish.sort} onChange={(e) => choose({ sort: e.currentTarget.value })}>
						{HEADS.flatMap((h) => [
							<option key={h.key} value={h.key}>{h.label} ▲</option>,
							<option key={"-" + h.key} value={"-" + h.key}>{h.label} ▼</option>,
						])}
					</select>
				</label>
				<span class="end">
					<span class="soft num" role="status">{count(rows.length)} of {count(all.length)}</span>
					<span class="soft num wide">as of {clock(data.now)}</span>
					<button type="button" onClick={refresh}>Refresh</button>
				</span>
			</form>
			{rows.length > 0 && <Grid box={grid} rows={rows} wish={wish} now={data.now} />}
			{rows.length === 0 && (
				<div class="nothing">
					<p>{all.length ? "No tunnel fits these filters." : "No tunnels are configured."}</p>
					{narrowed && <button type="button" onClick={() => choose({ q: null, state: null, type: null, errors: null })}>Show all</button>}
				</div>
			)}
		</div>
	);
}

function Grid(p: { box: { current: HTMLDivElement | null }; rows: Row[]; wish: Wish; now: number }) {
	const small = useMedia("(max-width: 900px)");
	const height = small ? 56 : 28;
	const [sight, set_sight] = useState({ first: 0, n: 40 });
	const [active, set_active] = useState(left_at.tunnel);
	const found = p.rows.findIndex((r) => r.tunnel === active);
	const at = Math.max(found, 0);
	const head = useRef<HTMLDivElement>(null);

	const look = () => {
		const box = p.box.current;

		if (!box)
			return;
		left_at.top = box.scrollTop;
		const first = Math.max(0, Math.floor(box.scrollTop / height) - SPARE);
		const n = Math.min(Math.ceil(box.clientHeight / height) + 2 * SPARE, MOST);

		set_sight((s) => s.first === first && s.n === n ? s : { first, n });
	};

	useLayoutEffect(() => {
		const box = p.box.current;

		if (!box)
			return;
		box.scrollTop = left_at.top;
		if (document.activeElement === document.body)
			box.focus({ preventScroll: true });
		const watch = new ResizeObserver(look);

		watch.observe(box);
		return () => watch.disconnect();
	}, [height]);
	useLayoutEffect(look, [p.rows, height]);

	const move = (to: number) => {
		const box = p.box.current, i = Math.min(Math.max(to, 0), p.rows.length - 1), row = p.rows[i];

		if (!box || !row)
			return;
		set_active(row.tunnel);
		left_at.tunnel = row.tunnel;
		const above = head.current?.offsetHeight ?? 0;

		if (i * height < box.scrollTop)
			box.scrollTop = i * height;
		else if ((i + 1) * height > box.scrollTop + box.clientHeight - above)
			box.scrollTop = (i + 1) * height - box.clientHeight + above;
		look();
	};
	const open = (r: Row | undefined) => {
		if (!r)
			return;
		left_at.tunnel = r.tunnel;
		go(href(["tunnels", r.tunnel]));
	};
	const key = (e: KeyboardEvent) => {
		if (e.target !== e.currentTarget || e.ctrlKey || e.metaKey || e.altKey)
			return;
		const page = Math.max(1, Math.floor((p.box.current?.clientHeight ?? 0) / height) - 2);
		const to = {
			ArrowUp: at - 1, ArrowDown: found < 0 ? 0 : at + 1, PageUp: at - page, PageDown: at + page,
			Home: 0, End: p.rows.length - 1,
		}[e.key];

		if (e.key === "Enter")
			open(p.rows[at]);
		if (to === undefined)
			return;
		e.preventDefault();
		move(to);
	};
	const shown = p.rows.slice(sight.first, sight.first + sight.n);

	return (
		<div class="grid" role="grid" aria-label="Tunnels" aria-rowcount={p.rows.length + 1} aria-colcount={HEADS.length}
			aria-activedescendant={found >= 0 ? `row-${active}` : undefined} tabIndex={0} ref={p.box} onScroll={look} onKeyDown={key}>
			<div class="row head" role="row" aria-rowindex={1} ref={head}>
				{HEADS.map((h) => {
					const mine = p.wish.sort === h.key;
					const down = mine ? !p.wish.down : h.down ?? false;

					return (
						<span key={h.key} role="columnheader" class={`${h.key} ${h.class ?? ""}`}
							aria-sort={mine ? p.wish.down ? "descending" : "ascending" : "none"}>
							<button type="button" onClick={() => choose({ sort: (down ? "-" : "") + h.key })}>
								{h.label}{mine && <span aria-hidden="true"> {p.wish.down ? "▼" : "▲"}</span>}
							</button>
						</span>
					);
				})}
			</div>
			<div class="rows" role="rowgroup" style={{ height: `${p.rows.length * height}px` }}>
				{shown.map((r, n) => {
					const i = sight.first + n;

					return (
						<div key={r.tunnel} id={`row-${r.tunnel}`} role="row" aria-rowindex={i + 2} aria-selected={r.tunnel === active}
							class={`row ${i % 2 ? "odd" : ""} ${r.tunnel === active ? "active" : ""}`}
							style={{ transform: `translateY(${i * height}px)` }}
							onClick={(e) => {
								if (!(e.target as HTMLElement).closest("a") && !getSelection()?.toString())
									open(r);
							}}>
							{HEADS.map((h) => (
								<span key={h.key} role="gridcell" class={`${h.key} ${h.class ?? ""}`}>{h.cell(r, p.now)}</span>
							))}
						</div>
					);
				})}
			</div>
		</div>
	);
}
