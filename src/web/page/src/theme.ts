/* Light, dark, or what the system says; remembered by the browser. */
import { useEffect, useState } from "preact/hooks";

export type Choice = "auto" | "light" | "dark";

const KEY = "sixxsd-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const watchers = new Set<() => void>();
let choice: Choice = "auto";

try {
	const kept = localStorage.getItem(KEY);

	if (kept === "light" || kept === "dark")
		choice = kept;
} catch { /* no storage: the system's choice it is */ }

const actual = () => choice === "auto" ? (system.matches ? "dark" : "light") : choice;

function apply(): void {
	document.documentElement.dataset.theme = actual();
	for (const w of watchers)
		w();
}

system.addEventListener("change", apply);
apply();

export function choose_theme(c: Choice): void {
	choice = c;
	try {
		if (c === "auto")
			localStorage.removeItem(KEY);
		else
			localStorage.setItem(KEY, c);
	} catch { /* then only until the page is closed */ }
	apply();
}

export const theme_choice = () => choice;

export function useTheme(): "light" | "dark" {
	const [theme, set] = useState(actual);

	useEffect(() => {
		const w = () => set(actual());

		watchers.add(w);
		return () => void watchers.delete(w);
	}, []);
	return theme;
}

export function useMedia(query: string): boolean {
	const [yes, set] = useState(() => matchMedia(query).matches);

	useEffect(() => {
		const m = matchMedia(query);
		const w = () => set(m.matches);

		m.addEventListener("change", w);
		return () => m.removeEventListener("change", w);
	}, [query]);
	return yes;
}
