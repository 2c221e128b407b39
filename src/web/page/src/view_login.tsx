/* Asks for a token: the operator's, or that of one tunnel. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Choices } from "./parts";

interface Props {
	said: string;			/* why we are asked, or asked again */
	pop: string;
	tunnel: string;			/* "" for the operator's views */
	enter: (scope: string, token: string) => void;
}

export function LoginView(p: Props) {
	const [who, set_who] = useState<"admin" | "owner">(p.tunnel ? "owner" : "admin");
	const [tunnel, set_tunnel] = useState(p.tunnel);
	const [token, set_token] = useState("");
	const [wrong, set_wrong] = useState(p.said);
	const first = useRef<HTMLInputElement>(null);

	useEffect(() => set_wrong(p.said), [p.said]);
	useEffect(() => {
		set_who(p.tunnel ? "owner" : "admin");
		set_tunnel(p.tunnel);
	}, [p.tunnel]);
	useEffect(() => first.current?.focus(), []);

	const submit = (e: Event) => {
		e.preventDefault();
		const name = tunnel.trim().toUpperCase();
		const secret = token.trim();

		if (who === "owner" && !/^T\d+$/.test(name))
			return set_wrong("A tunnel is a T and a number, such as T42.");
		if (!/^[\x21-\x7e]+$/.test(secret))
			return set_wrong(secret ? "A token has no blanks and only plain characters." : "The token is missing.");
		set_wrong(p.said);	/* until the daemon has said something else */
		p.enter(who === "admin" ? "admin" : name, secret);
	};

	return (
		<form class="login panel" onSubmit={submit} aria-labelledby="login-title">
			<h1 id="login-title">{p.pop || "This PoP"} asks who you are</h1>
			<Choices name="Who you are" value={who} set={set_who}
				of={[{ value: "admin", label: "Operator" }, { value: "owner", label: "Owner of a tunnel" }]} />
			{who === "owner" && (
				<label>Tunnel
					<input value={tunnel} onInput={(e) => set_tunnel(e.currentTarget.value)} placeholder="T42"
						autocomplete="username" autocapitalize="characters" spellcheck={false} name="tunnel" />
				</label>
			)}
			<label>{who === "admin" ? "Admin token" : "Token of the tunnel"}
				<input ref={first} type="password" value={token} onInput={(e) => set_token(e.currentTarget.value)}
					autocomplete="current-password" name="token" aria-invalid={wrong !== ""} aria-describedby="login-wrong" />
			</label>
			<p id="login-wrong" class={wrong ? "wrong" : ""} role="alert">{wrong && <>▲ {wrong}</>}</p>
			<button type="submit" class="main">Continue</button>
			<p class="soft">The token stays in this tab, until it is closed or you sign out.</p>
		</form>
	);
}
