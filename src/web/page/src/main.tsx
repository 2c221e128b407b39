/* The page: who is asking, which view, and the frame around it. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { drop_token, get, keep_token, owned_tunnel, Refused, sentence_of, token_of, use_token } from "./api";
import type { Session } from "./api";
import { clock, day } from "./format";
import { on_unauthorised, useLink } from "./live";
import { go, go_instead, href, scope_of, useRoute } from "./route";
import { choose_theme, theme_choice, useTheme } from "./theme";
import type { Choice } from "./theme";
import { LoginView } from "./view_login";
import { PopView } from "./view_pop";
import { TunnelView } from "./view_tunnel";
import { TunnelsView } from "./view_tunnels";
import "./style.css";

const app = document.getElementById("app");

type Phase =
	| { is: "asking" }
	| { is: "away"; since_ms: number; why: string }
	| { is: "login"; said: string; session: Session | null }
	| { is: "in"; session: Session };

async function ask_session(scope: string): Promise<Phase> {
	const kept = token_of(scope) ? scope : "admin";		/* an operator may look at anybody's page */
	const token = token_of(kept);
	const query = scope === "admin" ? "" : `?tunnel=${encodeURIComponent(scope)}`;

	use_token(token);
	try {
		const session = await get<Session>(`api/v1/session${query}`);

		if (session.role === "admin" || (session.role === "owner" && session.tunnel === scope))
			return { is: "in", session };
		if (!token)
			return { is: "login", said: "", session };
		drop_token(kept);
		return { is: "login", said: "That token is not right.", session };
	} catch (e) {
		if (!(e instanceof Refused) || e.status >= 500)
			return { is: "away", since_ms: Date.now(), why: sentence_of(e) };
		if (e.status === 429 || !token)		/* asking again by itself would make it worse */
			return { is: "login", said: e.status === 401 ? "" : e.message, session: null };
		drop_token(kept);
		return { is: "login", said: `That token is not right. ${e.status === 401 ? "" : e.message}`, session: null };
	}
}

/* Asked again whenever another token would be due, and while nobody answers. */
function useSession(scope: string): [Phase, (token: string) => void, (said: string) => void] {
	const [state, set] = useState<{ scope: string; phase: Phase }>({ scope, phase: { is: "asking" } });
	const [round, set_round] = useState(0);

	useEffect(() => {
		let over = false, timer = 0;
		const attempt = async (away_ms: number | null) => {
			const phase = await ask_session(scope);

			if (over)
				return;
			if (phase.is === "away") {
				phase.since_ms = away_ms ?? phase.since_ms;
				timer = window.setTimeout(() => void attempt(phase.since_ms), 2000);
			}
			if (phase.is === "login" && scope === "admin" && !phase.said) {
				const mine = owned_tunnel();

				if (mine)
					return go_instead(href(["my", mine]));
			}
			set({ scope, phase });
		};

		/* what was found for this scope before may be another token's by now */
		set((s) => s.scope === scope ? s : { scope, phase: { is: "asking" } });
		void attempt(null);
		return () => {
			over = true;
			clearTimeout(timer);
		};
	}, [scope, round]);

	const leave = (said: string) => {
		drop_token(scope);
		use_token(null);
		set({ scope, phase: { is: "login", said, session: null } });
	};

	useEffect(() => on_unauthorised((sentence) => leave(`The token is no longer accepted: ${sentence}`)), [scope]);
	return [
		state.scope === scope ? state.phase : { is: "asking" },
		(token) => {
			keep_token(scope, token);
			set_round((n) => n + 1);
		},
		leave,
	];
}

const when = (at_ms: number) =>
	(day(at_ms / 1000) === day(Date.now() / 1000) ? "" : day(at_ms / 1000) + " ") + clock(at_ms / 1000);

function Connection() {
	const link = useLink();

	if (link.state === "away")
		return null;		/* the banner says it */
	const live = link.state === "live" || link.state === "refused";		/* a no is an answer too */

	return (
		<span class={`connection ${live ? "live" : ""}`}>
			<span aria-hidden="true">{live ? "●" : "○"}</span> <span class="word">{live ? "connected" : "connecting"}</span>
		</span>
	);
}

/* Always there, so that a screen reader hears when words appear in it. */
function Banner() {
	const link = useLink();

	return (
		<div class={`banner ${link.state}`} role="status">
			{link.state === "away" && (
				<p><b>▲ Not connected since {when(link.since_ms)}.</b> {link.why} What you see is from before; trying again by itself.</p>
			)}
		</div>
	);
}

function ThemeButton() {
	useTheme();
	const [choice, set] = useState(theme_choice);
	const next: Record<Choice, Choice> = { auto: "light", light: "dark", dark: "auto" };

	return (
		<button type="button" class="quiet" title="Colours: as the system has it, light, or dark" aria-label={`Colours: ${choice}`}
			onClick={() => {
				choose_theme(next[choice]);
				set(next[choice]);
			}}>
			<span aria-hidden="true">◐ {choice}</span>
		</button>
	);
}

function Frame() {
	const route = useRoute();
	const scope = scope_of(route);
	const [phase, enter, leave] = useSession(scope);
	const [first = "", second = ""] = route.path;
	const owner = scope !== "admin";
	const session = phase.is === "in" ? phase.session : null;
	const where = first === "" ? "Overview" : first === "tunnels" && !second ? "Tunnels" : second;

	useEffect(() => {
		document.title = `${where || "sixxsd"} · ${session?.pop ?? "sixxsd"}`;
	}, [where, session]);

	/* the list scrolls within the window, everything else with it */
	const fill = session !== null && first === "tunnels" && !second;

	useEffect(() => void app?.classList.toggle("one-screen", fill), [fill]);

	const view = () => {
		if (first === "" && route.path.length === 0)
			return <PopView route={route} />;
		if (first === "tunnels" && route.path.length === 1)
			return <TunnelsView route={route} />;
		if ((first === "tunnels" || first === "my") && second && route.path.length === 2)
			return <TunnelView key={second} name={second} owner={owner} route={route} />;
		return (
			<div class="nothing" role="alert">
				<h1>Not found</h1>
				<p>This page has no view of that name. <a href="#/">Overview</a></p>
			</div>
		);
	};

	return (
		<>
			<a class="skip" href="#main" onClick={(e) => {
				e.preventDefault();
				document.getElementById("main")?.focus();
			}}>Skip to content</a>
			<header class="top">
				<span class="brand"><b>sixxsd</b> <span class="soft">{session?.pop}</span></span>
				{session && !owner && (
					<nav aria-label="Views">
						<a href="#/" aria-current={first === "" ? "page" : undefined}>Overview</a>
						<a href="#/tunnels" aria-current={first === "tunnels" ? "page" : undefined}>Tunnels</a>
					</nav>
				)}
				<span class="space" />
				{session && <Connection />}
				<ThemeButton />
				{session && token_of(scope) && (
					<button type="button" class="quiet" onClick={() => leave("Signed out.")}>Sign out</button>
				)}
			</header>
			{session && <Banner />}
			<main id="main" tabIndex={-1} class={fill ? "fill" : ""}>
				{phase.is === "in" && view()}
				{phase.is === "asking" && <p class="nothing soft" role="status">Asking the daemon …</p>}
				{phase.is === "away" && (
					<div class="nothing" role="status">
						<h1>Not connected since {when(phase.since_ms)}</h1>
						<p>{phase.why} Trying again by itself.</p>
					</div>
				)}
				{phase.is === "login" && (
					<LoginView said={phase.said} pop={phase.session?.pop ?? ""} tunnel={owner ? scope : ""}
						enter={(to, token) => {
							if (to === scope)
								return enter(token);
							keep_token(to, token);
							go(to === "admin" ? "#/" : href(["my", to]));
						}} />
				)}
			</main>
		</>
	);
}

if (app)
	render(<Frame />, app);
