/* Numbers and times for people. Times are in the browser's zone, ages by the daemon's clock. */

const STEPS = ["", "k", "M", "G", "T", "P"];

/** Three digits and a prefix: 1.23 Mbit/s, 45.6 kB, 789 packets/s */
export function si(n: number | null | undefined, unit: string): string {
	if (n === null || n === undefined || !isFinite(n))
		return "–";
	let i = 0, v = n;

	while (Math.abs(v) >= 999.5 && i + 1 < STEPS.length) {
		v /= 1000;
		i++;
	}
	const digits = i === 0 && Number.isInteger(v) ? 0 : v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;

	return `${v === 0 ? "0" : v.toFixed(digits)}\u00a0${STEPS[i]}${unit}`;
}

export const bits = (n: number | null | undefined) => si(n, "bit/s");
export const octets = (n: number | null | undefined) => si(n, "B");
export const packets = (n: number | null | undefined) => si(n, "p/s");

/** The same for an axis, where every character costs: 1.5M */
export function tick(n: number): string {
	let i = 0, v = n;

	while (Math.abs(v) >= 1000 && i + 1 < STEPS.length) {
		v /= 1000;
		i++;
	}
	return String(+v.toFixed(2)) + STEPS[i];
}

const whole = new Intl.NumberFormat("en");

export const count = (n: number | null | undefined) =>
	n === null || n === undefined ? "–" : whole.format(n);

/** 1 packet, 2 packets */
export const counted = (n: number, one: string) => `${count(n)} ${one}${n === 1 ? "" : "s"}`;

export function ms(n: number | null | undefined): string {
	if (n === null || n === undefined)
		return "–";
	return `${n.toFixed(n < 9.95 ? 2 : n < 99.5 ? 1 : 0)}\u00a0ms`;
}

export function percent(n: number | null | undefined): string {
	if (n === null || n === undefined)
		return "–";
	return `${n === 0 || n >= 9.95 ? n.toFixed(0) : n.toFixed(n < 0.1 ? 2 : 1)}\u00a0%`;
}

export function duration(s: number): string {
	const d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;

	if (d > 0)
		return `${d} d ${h} h`;
	if (h > 0)
		return `${h} h ${m} min`;
	return m > 0 ? `${m} min ${Math.floor(s) % 60} s` : `${Math.max(0, Math.floor(s))} s`;
}

export function ago(now: number, at: number | null | undefined): string {
	if (!at)
		return "never";
	const s = now - at;

	if (s < 2)
		return "now";
	if (s < 120)
		return `${s} s ago`;
	if (s < 7200)
		return `${Math.floor(s / 60)} min ago`;
	if (s < 172800)
		return `${Math.floor(s / 3600)} h ago`;
	return `${Math.floor(s / 86400)} d ago`;
}

const two = (n: number) => String(n).padStart(2, "0");

export function clock(at_s: number): string {
	const d = new Date(at_s * 1000);

	return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

export function day(at_s: number): string {
	const d = new Date(at_s * 1000);

	return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

export const stamp = (at_s: number | null | undefined) =>
	at_s ? `${day(at_s)} ${clock(at_s)}` : "never";

export function endpoint(address: string | null, port: number | null): string {
	if (!address)
		return "–";
	if (!port)
		return address;
	return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
