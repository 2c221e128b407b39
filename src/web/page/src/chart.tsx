/*
 * A chart over time: uPlot draws it, the legend beside it says the same in words, for the
 * point under the mouse or the arrow keys, else for the latest one.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Column } from "./api";
import { clock, day } from "./format";
import { useTheme } from "./theme";

export interface Line {
	label: string;
	ink: "in" | "out" | "bad";		/* a colour of style.css */
	dash?: boolean;				/* lines differ in more than colour */
	bars?: boolean;
	show: (n: number | null) => string;
}

interface Props {
	title: string;
	x: number[];
	ys: Column[];
	lines: Line[];
	tick: (n: number) => string;
	version: number;			/* the arrays may be the same ones, changed */
	span_s: number;				/* how far back from the last point */
	end_s?: number | undefined;
	floor: number;				/* the scale reaches at least this far */
	group?: string;				/* charts that point at the same time */
}

function css(name: string): string {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Tick marks of the time axis: dates where a day begins, seconds only if they matter. */
function times(_u: uPlot, splits: number[], _axis: number, _space: number, step: number): string[] {
	return splits.map((at) => {
		const hms = clock(at);

		if (step >= 86400 || hms === "00:00:00")
			return day(at).slice(5);
		return step < 60 ? hms : hms.slice(0, 5);
	});
}

function series_of(l: Line): uPlot.Series {
	const s: uPlot.Series = {
		label: l.label,
		stroke: css(`--${l.ink}`),
		fill: css(`--${l.ink}-fill`),
		width: 1.5,
		spanGaps: false,
		points: { show: (u) => u.data[0].length < 3, size: 4 },		/* too few for a line */
	};

	if (l.dash) {
		s.dash = [5, 3];
		delete s.fill;
	}
	if (l.bars && uPlot.paths.bars)
		s.paths = uPlot.paths.bars({ size: [0.9, 12, 1] });
	return s;
}

function options(p: { current: Props }, width: number, height: number,
		 point_at: (i: number | null) => void): uPlot.Options {
	const axis: uPlot.Axis = {
		stroke: css("--soft"),
		font: `11px ${css("--sans")}`,
		grid: { stroke: css("--grid"), width: 1 },
		ticks: { show: false },
	};

	return {
		width,
		height,
		legend: { show: false },
		padding: [8, 20, 0, 0],
		cursor: {
			drag: { x: false, y: false },
			points: { size: 6 },
			y: false,
			...(p.current.group ? { sync: { key: p.current.group } } : {}),
		},
		scales: {
			x: {
				time: true,
				range: (_u, _min, max) => {
					const end = p.current.end_s ?? max ?? Date.now() / 1000;

					return [end - p.current.span_s, end];
				},
			},
			y: { range: (_u, _min, max) => [0, Math.max((max ?? 0) * 1.08, p.current.floor)] },
		},
		axes: [
			{ ...axis, size: 24, space: 72, values: times },
			{ ...axis, size: 46, space: 28, gap: 4,
			  values: (_u, splits) => splits.map(p.current.tick) },
		],
		series: [{}, ...p.current.lines.map(series_of)],
		hooks: {
			setCursor: [(u) => point_at(u.cursor.left !== undefined && u.cursor.left >= 0
				? u.cursor.idx ?? null : null)],
		},
	};
}

export function Chart(props: Props) {
	const where = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot | null>(null);
	const latest = useRef(props);
	const [at, set_at] = useState<number | null>(null);
	const theme = useTheme();

	latest.current = props;

	useEffect(() => {
		const box = where.current;

		if (!box)
			return;
		const size = () => ({ width: Math.max(box.clientWidth, 120), height: box.clientHeight });
		const { width, height } = size();
		const u = new uPlot(options(latest, width, height, set_at),
			[latest.current.x, ...latest.current.ys], box);
		const watch = new ResizeObserver(() => u.setSize(size()));

		plot.current = u;
		watch.observe(box);
		return () => {
			watch.disconnect();
			u.destroy();
			plot.current = null;
		};
	}, [theme, props.lines]);

	useEffect(() => {
		plot.current?.setData([props.x, ...props.ys]);
	}, [props.version, props.x, props.end_s]);

	const last = props.x.length - 1;
	const shown = at !== null && at <= last ? at : null;
	const value = (i: number) => {
		const y = props.ys[i];

		return shown !== null ? y?.[shown] ?? null : y?.[last] ?? null;
	};
	const peak = (i: number) => props.ys[i]?.reduce<number | null>(
		(most, n) => n === null || (most !== null && most >= n) ? most : n, null) ?? null;
	const words = props.lines.map((l, i) =>
		`${l.label} ${l.show(value(i))}, highest ${l.show(peak(i))}`).join("; ");

	const key = (e: KeyboardEvent) => {
		const u = plot.current;
		const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[e.key];

		if (e.key === "Escape")
			u?.setCursor({ left: -10, top: -10 });
		if (!u || step === undefined || last < 0)
			return;
		e.preventDefault();
		const to = Math.min(Math.max((shown ?? last) + step, 0), last);

		u.setCursor({ left: u.valToPos(props.x[to] ?? 0, "x"), top: 10 });
	};

	return (
		<figure class="chart">
			<figcaption>
				<span class="chart-title">{props.title}</span>
				{props.lines.map((l, i) => (
					<span class="legend" key={l.label}>
						<span class={`mark ${l.ink} ${l.dash ? "dashed" : ""} ${l.bars ? "bars" : ""}`}
							aria-hidden="true" />
						{l.label} <b class="num">{l.show(value(i))}</b>
						<span class="soft num peak"> max {l.show(peak(i))}</span>
					</span>
				))}
				<span class="soft num chart-at">
					{shown !== null && (props.span_s > 86400 ? day(props.x[shown] ?? 0) + " " : "")
						+ clock(props.x[shown] ?? 0)}
				</span>
			</figcaption>
			<div class="plot" ref={where} role="img" tabIndex={0} onKeyDown={key}
				onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
				aria-label={`${props.title}. ${last < 0 ? "No data yet." : words}. Arrow keys read single points.`} />
			{last < 0 && <p class="empty over-plot">waiting for data</p>}
		</figure>
	);
}
