/*
 * Counters that only ever rise, read every second, become the last five minutes of rates.
 * After a pause or a restart nothing is known about the time between: a gap, not a guess.
 */
import type { Column } from "./api";

export const WINDOW_S = 300;
const LONGEST_STEP_MS = 5_000;
const DRIFT_MS = 2_000;

export class Rates {
	x: number[] = [];
	ys: Column[];
	version = 0;		/* steps with every change, since the arrays stay the same */
	end_s = 0;		/* of the window: when the latest reading was taken */
	private start_ms = 0;	/* what now_ms counts from */
	private last: { ms: number; counters: number[]; epoch: number } | null = null;

	constructor(readonly columns: number) {
		this.ys = Array.from({ length: columns }, () => []);
	}

	/**
	 * add() - take in one reading
	 * @now:	by the daemon's clock, whole seconds
	 * @now_ms:	by one that is never set, and counts from anywhere
	 * @epoch:	changes when the counters began anew
	 */
	add(now: number, now_ms: number, counters: number[], epoch: number): void {
		const before = this.last;

		if (before && now_ms === before.ms)
			return;
		/* whole seconds would put points beside their place: only follow when the clock was set */
		if (Math.abs(this.start_ms + now_ms - now * 1000) > DRIFT_MS)
			this.start_ms = now * 1000 - now_ms;
		this.last = { ms: now_ms, counters, epoch };
		this.end_s = (this.start_ms + now_ms) / 1000;
		this.version++;
		if (!before)
			return;
		if (this.end_s <= (this.x.at(-1) ?? 0))		/* set back: what was drawn lies ahead */
			this.clear();

		const step_s = (now_ms - before.ms) / 1000;
		const known = step_s > 0 && step_s * 1000 <= LONGEST_STEP_MS && before.epoch === epoch;

		this.x.push(this.end_s);
		for (let i = 0; i < this.columns; i++) {
			const d = (counters[i] ?? 0) - (before.counters[i] ?? 0);

			this.ys[i]?.push(known && d >= 0 ? d / step_s : null);
		}
		while ((this.x[0] ?? this.end_s) < this.end_s - WINDOW_S - 2) {
			this.x.shift();
			for (const y of this.ys)
				y.shift();
		}
	}

	private clear(): void {
		this.x = [];
		this.ys = this.ys.map(() => []);
	}

	/** The latest rate of a column, null while there is none. */
	now(i: number): number | null {
		return this.ys[i]?.at(-1) ?? null;
	}
}
