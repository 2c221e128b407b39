/*
 * The page in a browser, against the mock or a real daemon.
 *
 *	npm ci && node --test			in this folder; starts the mock by itself
 *
 *	SIXXSD_WEB_URL		a daemon that runs already: http://127.0.0.1:8080
 *	SIXXSD_WEB_ADMIN	its admin token; empty if it has none
 *	SIXXSD_WEB_TUNNEL	a tunnel with traffic, T42
 *	SIXXSD_WEB_OWNER	that tunnel's token
 *	SIXXSD_WEB_OTHER	another tunnel, T43
 *	SIXXSD_WEB_TUNNELS	how many tunnels the daemon has
 *	SIXXSD_WEB_SHOTS	a folder for screenshots of every view; none are taken without
 *	SIXXSD_WEB_SHOTS_AFTER	seconds before each, so that live charts have something to show
 *	CHROMIUM		the browser, /usr/bin/chromium
 *
 * What should happen is waited for, no fixed time; only what should not happen is given one.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test as node_test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const env = process.env;
const here = path.dirname(fileURLToPath(import.meta.url));
const mocked = !env.SIXXSD_WEB_URL;
const admin = mocked ? "admin-token" : env.SIXXSD_WEB_ADMIN ?? "";
const tunnel = env.SIXXSD_WEB_TUNNEL ?? "T42";
const owner = mocked ? "owner-token" : env.SIXXSD_WEB_OWNER ?? "";
const other = env.SIXXSD_WEB_OTHER ?? "T43";
const tunnels = mocked ? 32767 : Number(env.SIXXSD_WEB_TUNNELS ?? 0);
const shots = env.SIXXSD_WEB_SHOTS ?? "";
const shots_after_s = shots ? Number(env.SIXXSD_WEB_SHOTS_AFTER ?? 0) : 0;
const WAIT = 20_000;
const LONGEST = 60_000 + 1000 * shots_after_s;		/* of a test; one that hangs has failed */
const ROWS_AT_MOST = 120;	/* what fits a tall window, and some */

const needs_owner = { skip: owner ? false : "no owner token was given" };
const needs_admin = { skip: admin ? false : "the daemon has no admin token" };
const needs_list = { skip: tunnels >= 1000 ? false : "the daemon has too few tunnels" };
const needs_mock = { skip: mocked ? false : "what is asked for only the mock has" };

const test = (name, options, run = options) =>
	node_test(name, { timeout: LONGEST, ...(run === options ? {} : options) }, run);

let url = env.SIXXSD_WEB_URL ?? "", mock, browser;

function start_mock() {
	mock = spawn("/usr/bin/python3", [path.join(here, "mock.py"), "--port", "0", "--tied", "--admin", admin,
		"--owner", `${tunnel}=${owner}`, "--owner", `${other}=${owner}-of-another`], { stdio: ["pipe", "pipe", "inherit"] });
	return new Promise((resolve, reject) => {
		mock.stdout.once("data", (line) => resolve(String(line).trim()));
		mock.once("exit", (code) => reject(new Error(`mock.py ended with ${code}`)));
	});
}

before(async () => {
	if (mocked)
		url = await start_mock();
	url = url.replace(/\/$/, "");
	browser = await chromium.launch({ executablePath: env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
});

after(async () => {
	await browser?.close();
	mock?.removeAllListeners("exit");
	mock?.stdin.end();
});

/* Opens a view, watches what every view must hold to, and says so at the end. */
async function visit(hash, use, { token = admin, scope = "admin", at = url, ...options } = {}) {
	const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
	const page = await context.newPage();
	const complaints = [], elsewhere = [];
	let expected = false;

	page.setDefaultTimeout(WAIT);
	page.on("console", (m) => ["error", "warning"].includes(m.type()) && !expected && complaints.push(m.text()));
	page.on("pageerror", (e) => complaints.push(e.message));
	page.on("request", (r) => r.url().startsWith(at + "/") || elsewhere.push(r.url()));
	if (token)
		await page.addInitScript(([key, value]) => sessionStorage.getItem("asked") ?? (sessionStorage.setItem("asked", "1"), sessionStorage.setItem(key, value)),
			[`sixxsd-token:${scope}`, token]);
	/* an answer other than 200 shows up on the console: a test that provokes one says so */
	page.expect_refusals = () => expected = true;
	try {
		await page.goto(`${at}/${hash}`);
		await use(page);
		assert.deepEqual(complaints, [], "nothing on the console");
		assert.deepEqual(elsewhere, [], "no request to another host");
	} finally {
		await context.close();
	}
}

async function shot(page, name) {
	if (!shots)
		return;
	mkdirSync(shots, { recursive: true });
	await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: !name.includes("tunnels") });
}

const text = (page, selector) => page.locator(selector).first().innerText();
const rows = (page) => page.locator(".rows [role=row]");

async function changes(page, selector, why) {
	const first = await text(page, selector);

	await page.waitForFunction(([s, was]) => document.querySelector(s)?.innerText !== was, [selector, first], { timeout: WAIT })
		.catch(() => assert.fail(why));
}

test("the overview shows the PoP and moves by itself", async () => {
	await visit("#/", async (page) => {
		for (const title of ["Traffic", "Drops by reason", "Tunnels", "Round-trip times", "Workers", "Fast path"])
			await page.getByRole("heading", { name: title, exact: true }).waitFor();
		await page.getByRole("region", { name: "Why" }).waitFor();
		assert.match(await text(page, ".connection"), /connected/);
		await changes(page, ".facts .fact:last-child small", "the PoP's clock stands still");
		await page.waitForFunction(() => document.querySelectorAll(".plot canvas").length === 2);
		await page.locator(".legend b").first().filter({ hasText: "bit/s" }).waitFor();
		await page.waitForFunction(() => [...document.querySelectorAll(".load .num")].every((n) => n.innerText.includes("%")));
	});
});

test("what is chosen stands in the address, and an address chooses", async () => {
	await visit("#/?traffic=uplink", async (page) => {
		await page.getByRole("button", { name: "Uplink", pressed: true }).waitFor();
		await page.getByRole("button", { name: "All" }).click();
		assert.equal(new URL(page.url()).hash, "#/");
	});
	await visit("#/tunnels?q=2001&state=up&sort=-in_octets", async (page) => {
		await rows(page).first().waitFor();
		assert.equal(await page.getByRole("searchbox").inputValue(), "2001");
		await page.getByRole("group", { name: "State" }).getByRole("button", { name: /^up/, pressed: true }).waitFor();
		await page.locator("[role=columnheader].in_octets[aria-sort=descending]").waitFor();
		await page.getByRole("columnheader", { name: "MTU" }).getByRole("button").click();
		assert.match(page.url(), /sort=mtu/);
	});
});

test("the list draws only the rows in sight, wherever they are", needs_list, async () => {
	await visit("#/tunnels", async (page) => {
		await rows(page).first().waitFor();
		assert.equal(await page.getByRole("grid").getAttribute("aria-rowcount"), String(tunnels + 1));
		assert.ok(await rows(page).count() < ROWS_AT_MOST, `${await rows(page).count()} rows exist`);
		for (const part of [0.5, 1, 0.25]) {
			await page.locator(".grid").evaluate((g, f) => g.scrollTop = (g.scrollHeight - g.clientHeight) * f, part);
			await page.waitForFunction((f) => {
				const g = document.querySelector(".grid").getBoundingClientRect();
				const at = document.elementFromPoint(g.left + 20, g.bottom - 20)?.closest("[aria-rowindex]");
				const all = Number(document.querySelector(".grid").getAttribute("aria-rowcount"));
				const expected = f * (all - 30);

				return at && Math.abs(Number(at.getAttribute("aria-rowindex")) - expected) < 60;
			}, part);
			assert.ok(await rows(page).count() < ROWS_AT_MOST);
		}
	});
});

test("a search narrows the list at once", async () => {
	await visit("#/tunnels", async (page) => {
		await rows(page).first().waitFor();
		const all = Number(await page.getByRole("grid").getAttribute("aria-rowcount"));
		const took = await page.evaluate(async (word) => {
			const field = document.querySelector("input[type=search]");
			const from = performance.now();

			field.value = word;
			field.dispatchEvent(new Event("input", { bubbles: true }));
			await new Promise((r) => requestAnimationFrame(() => setTimeout(r)));
			return performance.now() - from;
		}, tunnel + " ");
		await page.waitForFunction((n) => Number(document.querySelector(".grid").getAttribute("aria-rowcount")) <= n, all);
		await page.locator(`#row-${tunnel}`).waitFor();
		assert.ok((await rows(page).allInnerTexts()).every((row) => row.includes(tunnel)));
		console.log(`# the search was drawn after ${Math.round(took)} ms`);
		await page.getByRole("searchbox").fill("there is no such tunnel");
		await page.getByText("No tunnel fits these filters.").waitFor();
		await page.getByRole("button", { name: "Show all" }).click();
		await rows(page).first().waitFor();
	});
});

test("fast typing changes the address rarely, and the last word stands in it", async () => {
	await visit("#/tunnels", async (page) => {
		await rows(page).first().waitFor();
		await page.evaluate(() => {
			const replace = history.replaceState.bind(history);

			window.replaced = 0;
			history.replaceState = (...a) => (window.replaced++, replace(...a));
		});
		const word = "2001:db8 2001:db8 2001:db8 2001:db8 2001";

		for (let n = 1; n <= word.length; n++)
			await page.getByRole("searchbox").fill(word.slice(0, n));
		await page.waitForFunction((q) => new URLSearchParams(location.hash.split("?")[1]).get("q") === q, word);
		const took = await page.evaluate(() => window.replaced);

		assert.ok(took < word.length / 2, `${took} changes`);
		await page.getByRole("searchbox").fill(tunnel);
		await page.getByRole("link", { name: tunnel, exact: true }).click();
		await page.getByRole("heading", { name: tunnel, level: 1 }).waitFor();
		await page.goBack();
		await page.locator(`#row-${tunnel}`).waitFor();
		assert.equal(await page.getByRole("searchbox").inputValue(), tunnel);
	});
});

test("filters and order do what they say", async () => {
	let type = "";

	await visit("#/tunnels?state=up", async (page) => {
		await rows(page).first().waitFor();
		for (const row of await rows(page).all())
			assert.match(await row.locator(".state").first().innerText(), /up/);
		type = await rows(page).first().locator(".type").innerText();
	});
	await visit(`#/tunnels?type=${type}`, async (page) => {
		await rows(page).first().waitFor();
		assert.ok((await page.locator(".rows .type").allInnerTexts()).every((t) => t === type));
	});
	await visit("#/tunnels?errors=1&sort=-errors", async (page) => {
		await rows(page).first().or(page.getByText("No tunnel fits these filters.")).waitFor();
		const n = (await page.locator(".rows .errs").allInnerTexts()).map((t) => Number(t.replace(/\D/g, "")));

		assert.ok(n.every((v) => v > 0));
		assert.deepEqual(n, [...n].sort((a, b) => b - a));
	});
});

test("the list is used by keyboard alone", async () => {
	await visit("#/tunnels", async (page) => {
		await rows(page).first().waitFor();
		const active = () => page.locator(".row.active").getAttribute("aria-rowindex").then(Number);

		await page.keyboard.press("/");
		assert.equal(await page.evaluate(() => document.activeElement.type), "search");
		await page.keyboard.type(tunnel.slice(0, 2));
		await page.waitForFunction((q) => document.querySelector("input[type=search]").value === q && location.hash.includes(q), tunnel.slice(0, 2));
		await page.keyboard.press("ArrowDown");
		assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "grid");
		await page.keyboard.press("ArrowDown");
		assert.equal(await active(), 2);
		await page.keyboard.press("End");
		assert.equal(await active(), Number(await page.getByRole("grid").getAttribute("aria-rowcount")));
		await page.keyboard.press("Home");
		await page.keyboard.press("PageDown");
		if (tunnels >= 1000)
			assert.ok(await active() > 10);
		await page.keyboard.press("PageUp");
		assert.equal(await active(), 2);
		const name = await page.locator(".row.active .tunnel").innerText();

		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name, exact: true, level: 1 }).waitFor();
		await page.goBack();
		await page.locator(`#row-${name}.active`).waitFor();
	});
});

test("a tunnel is shown live, with its past and its configuration", async () => {
	await visit(`#/tunnels/${tunnel}`, async (page) => {
		await page.getByRole("heading", { name: tunnel, level: 1 }).waitFor();
		for (const title of ["Now", "History", "Errors", "Client configuration", "Drops by reason", "Endpoint history", "Live decisions"])
			await page.getByRole("heading", { name: title, exact: true }).waitFor();
		await page.locator(".legend b").first().filter({ hasText: "bit/s" }).waitFor();
		await page.waitForFunction(() => document.querySelectorAll(".past canvas").length === 4
			|| document.body.innerText.includes("Nothing yet: the first sample of"));
		assert.deepEqual(await page.getByRole("group", { name: "How far back" }).getByRole("button").allInnerTexts(), ["2 hours", "2 days", "13 weeks"]);
		for (const choice of await page.getByRole("group", { name: "How far back" }).getByRole("button").all()) {
			await choice.click();
			await page.waitForFunction(() => document.querySelectorAll(".past canvas").length === 4
				|| document.body.innerText.includes("Nothing yet: the first sample of"));
		}
		assert.match(page.url(), /step=\d+/);

		const tabs = page.getByRole("tab");
		const texts = [];

		await tabs.first().focus();
		for (let i = 0; i < await tabs.count(); i++) {
			texts.push(...await page.locator("[role=tabpanel] pre").allInnerTexts());
			await page.keyboard.press("ArrowRight");
		}
		assert.equal(new Set(texts).size, texts.length, "every tab has a text of its own");
	});
});

/* The first tunnel of the list that is as wished. */
async function some(wish) {
	const list = await (await fetch(`${url}/api/v1/tunnels`, { headers: admin ? { Authorization: `Bearer ${admin}` } : {} })).json();
	const row = list.rows.find((r) => Object.entries(wish).every(([k, v]) => r[list.columns.indexOf(k)] === v));

	return row?.[0] ?? assert.fail(`no tunnel is ${JSON.stringify(wish)}`);
}

test("the configuration that works is chosen, and what cannot work is not to be copied", needs_mock, async () => {
	const panel = (page) => page.locator("[role=tabpanel]");

	for (const [kind, first] of [["ayiya", "AICCU"], ["dynamic", "AICCU"], ["heartbeat", "AICCU"], ["static", "Linux (ip tunnel)"]])
		await visit(`#/tunnels/${await some({ kind })}`, async (page) => {
			await page.getByRole("tab", { name: first, selected: true }).waitFor();
			assert.equal(await page.getByRole("tab").first().innerText(), first);
			assert.equal(await panel(page).locator("pre").count(), 1);
			await page.getByRole("tab", { name: "OpenWrt" }).click();
			await page.getByRole("tab", { name: "OpenWrt", selected: true }).waitFor();
			const n = kind === "ayiya" ? 0 : 1;

			assert.equal(await panel(page).locator("pre").count(), n, kind);
			assert.equal(await panel(page).getByRole("button", { name: "Copy" }).count(), n, kind);
			if (kind === "ayiya")
				await panel(page).getByText("needs AICCU or another AYIYA client").waitFor();
			else
				assert.equal(await panel(page).getByText("must send a heartbeat").count(), kind === "static" ? 0 : 1);
		});
});

test("a live chart's time is the time of day, whatever now_ms counts from", async () => {
	await visit("#/", async (page) => {
		await page.locator(".legend b").first().filter({ hasText: /[0-9]/ }).waitFor();
		await page.locator(".plot").first().focus();
		await page.keyboard.press("ArrowLeft");
		await page.locator(".chart-at").first().filter({ hasText: ":" }).waitFor();
		const [shown, now] = await page.evaluate(() => [document.querySelector(".chart-at").innerText.trim(),
			document.querySelector(".facts .fact:last-child small").innerText.slice(-8)]);
		const s = (hms) => hms.split(":").reduce((n, v) => 60 * n + Number(v), 0);

		assert.ok((s(now) - s(shown) + 86400) % 86400 < 30, `${shown} at ${now}`);
	});
});

test("a client's configuration is copied as it stands", async () => {
	await visit(`#/tunnels/${tunnel}`, async (page) => {
		const text = await page.locator("[role=tabpanel] pre").textContent();

		await page.getByRole("button", { name: "Copy" }).first().click();
		await page.getByText("Copied").waitFor();
		assert.equal((await page.evaluate(() => navigator.clipboard.readText())).trim(), text.trim());
	}, { permissions: ["clipboard-read", "clipboard-write"] });
});

test("a field of the offending packet is marked in its octets", needs_mock, async () => {
	await visit(`#/tunnels/${tunnel}`, async (page) => {
		await page.getByRole("button", { name: "Wrong Source IPv6" }).click();
		assert.match(page.url(), /error=Wrong/);
		const field = page.locator(".fields tr", { hasText: "source" }).first();

		await field.hover();
		assert.equal(await page.locator(".hex .hit").allInnerTexts().then((t) => t.join("")), "20010db8beef00000000000000000001");
		await page.mouse.move(0, 0);
		await field.focus();
		assert.equal(await page.locator(".hex .hit").count(), 16, "by keyboard as well");
		await page.keyboard.press("ArrowDown");
		assert.equal(await page.locator(".hex .hit").allInnerTexts().then((t) => t.join("")), "20010db8004200000000000000000053");
		await page.locator(".hex > span").nth(6).hover();
		assert.match(await text(page, ".fields tr.hit"), /next header/);
	});
});

test("live decisions start and stop", async () => {
	await visit(`#/tunnels/${tunnel}`, async (page) => {
		await page.getByRole("button", { name: "Start" }).click();
		await page.locator(".trace > div").first().waitFor();
		assert.match(await text(page, ".trace"), /\[/);
		await page.getByRole("button", { name: "Stop" }).click();
		await page.getByText("Stopped.").waitFor();
		const n = await page.locator(".trace > div").count();

		await page.waitForTimeout(1500);
		assert.equal(await page.locator(".trace > div").count(), n);
	});
});

test("a second trace of a tunnel is told why not", needs_mock, async () => {
	await visit(`#/tunnels/${tunnel}`, async (page) => {
		await page.getByRole("button", { name: "Start" }).click();
		await page.locator(".trace > div").first().waitFor();
		await visit(`#/tunnels/${tunnel}`, async (second) => {
			await second.getByRole("button", { name: "Start" }).click();
			await second.getByText(`Another session is debugging ${tunnel} already`).waitFor();
			await second.getByRole("button", { name: "Start" }).waitFor();
		});
	});
});

test("a tunnel that is not there is said not to be", async () => {
	await visit("#/tunnels/T999999", async (page) => {
		page.expect_refusals();
		await page.getByRole("heading", { name: "Not found" }).waitFor();
		assert.match(await text(page, ".connection"), /connected/, "a no is an answer");
		await page.getByRole("main").getByRole("link", { name: "Tunnels" }).click();
		await rows(page).first().waitFor();
	});
	await visit("#/nothing/of/that/name", async (page) => {
		await page.getByRole("heading", { name: "Not found" }).waitFor();
	});
});

test("without a token one is asked for, and a wrong one is said to be wrong", needs_admin, async () => {
	await visit("#/tunnels?state=up", async (page) => {
		page.expect_refusals();
		await page.getByLabel("Admin token").fill("not the token".replace(/ /g, "-"));
		await page.keyboard.press("Enter");
		await page.getByRole("alert").filter({ hasText: "That token is not right" }).waitFor();
		await page.getByLabel("Admin token").fill(admin);
		await page.keyboard.press("Enter");
		await rows(page).first().waitFor();
		assert.match(page.url(), /#\/tunnels\?state=up$/, "and one is where one wanted to go");
		await page.getByRole("button", { name: "Sign out" }).click();
		await page.getByLabel("Admin token").waitFor();
		assert.equal(await page.evaluate(() => Object.keys(sessionStorage).filter((k) => k.startsWith("sixxsd")).length), 0);
	}, { token: "" });
});

test("an owner sees the one tunnel and no way to another", { skip: needs_owner.skip || needs_admin.skip }, async () => {
	await visit("#/", async (page) => {
		page.expect_refusals();
		await page.getByRole("button", { name: "Owner of a tunnel" }).click();
		await page.getByLabel("Tunnel", { exact: true }).fill(tunnel.toLowerCase());
		await page.getByLabel("Token of the tunnel").fill(owner);
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: tunnel, level: 1 }).waitFor();
		assert.equal(new URL(page.url()).hash, `#/my/${tunnel}`);
		assert.equal(await page.getByRole("navigation").count(), 0);
		assert.deepEqual(await page.locator("main a").allInnerTexts(), []);
		for (const title of ["History", "Client configuration"])
			await page.getByRole("heading", { name: title, exact: true }).waitFor();
		await page.locator(".legend b").first().filter({ hasText: "bit/s" }).waitFor();

		/* neither by address ... */
		await page.goto(`${url}/#/my/${other}`);
		await page.getByLabel("Token of the tunnel").waitFor();
		assert.equal(await page.getByRole("heading", { name: other, level: 1 }).count(), 0);
		/* ... nor with the token of his own */
		await page.getByLabel("Token of the tunnel").fill(owner);
		await page.keyboard.press("Enter");
		await page.getByRole("alert").filter({ hasText: "That token is not right" }).waitFor();
		/* and the operator's views lead back to his own */
		await page.goto(`${url}/#/tunnels`);
		await page.getByRole("heading", { name: tunnel, level: 1 }).waitFor();
	}, { token: "" });
});

test("an owner who goes to the operator's views comes back to his own page", { skip: needs_owner.skip || needs_admin.skip }, async () => {
	await visit(`#/my/${tunnel}`, async (page) => {
		for (const hash of [`#/tunnels/${tunnel}`, "#/tunnels", "#/", `#/tunnels/${other}`]) {
			await page.getByRole("heading", { name: tunnel, level: 1 }).waitFor();
			await page.locator(".connection.live").waitFor();
			await page.evaluate((h) => location.hash = h, hash);
			await page.waitForFunction((h) => location.hash === h, `#/my/${tunnel}`);
			await page.locator(".legend b").first().filter({ hasText: "bit/s" }).waitFor();
			assert.equal(await page.getByLabel(/token/i).count(), 0);
		}
	}, { token: owner, scope: tunnel });
});

test("a token in the fragment is taken out of it at once", needs_owner, async () => {
	const asked = [];

	await visit(`#/my/${tunnel}?token=${owner}&step=900`, async (page) => {
		page.on("request", (r) => asked.push(r.url()));
		await page.getByRole("heading", { name: tunnel, level: 1 }).waitFor();
		assert.equal(new URL(page.url()).hash, `#/my/${tunnel}?step=900`);
		await page.reload();
		await page.getByRole("heading", { name: tunnel, level: 1 }).waitFor();
		assert.ok(asked.every((u) => !u.includes(owner)), "and never sent in an address");
	}, { token: "" });
});

/* A line to the daemon that can be cut ("refuse") or go dead ("swallow"). */
async function with_line(use) {
	const sockets = new Set();
	const line = { mode: "pass", set(mode) {
		line.mode = mode;
		for (const s of sockets)
			mode === "swallow" ? s.pause() : s.destroy();
	} };
	const server = net.createServer((near) => {
		if (line.mode === "refuse")
			return near.destroy();
		const far = net.connect(Number(new URL(url).port || 80), new URL(url).hostname);

		for (const s of [near, far]) {
			sockets.add(s);
			s.on("error", () => s.destroy());
			s.on("close", () => {
				sockets.delete(s);
				near.destroy();
				far.destroy();
			});
		}
		if (line.mode === "pass") {
			near.pipe(far);
			far.pipe(near);
		}
	});

	await new Promise((r) => server.listen(0, "127.0.0.1", r));
	line.url = `http://127.0.0.1:${server.address().port}`;
	try {
		await use(line);
	} finally {
		line.set("refuse");
		server.close();
	}
}

for (const [how, mode] of [["is gone", "refuse"], ["says nothing any more", "swallow"]])
	test(`when the daemon ${how} the page says since when, and recovers`, async () => {
		await with_line((line) => visit("#/", async (page) => {
			page.expect_refusals();
			await page.locator(".connection.live").waitFor();
			await page.getByRole("heading", { name: "Traffic" }).waitFor();
			line.set(mode);
			await page.getByText(/Not connected since \d\d:\d\d:\d\d/).waitFor();
			assert.ok(await page.locator(".banner").evaluate((b) => b.offsetHeight > 20 && b.offsetWidth > 300), "for all to see");
			await page.getByRole("heading", { name: "Traffic" }).waitFor();
			await shot(page, `away-${mode}`);
			line.set("pass");
			await page.locator(".connection.live").waitFor();
			await changes(page, ".facts .fact:last-child small", "the PoP's clock stands still");
			assert.equal(await page.getByText(/Not connected since/).count(), 0);
		}, { at: line.url }));
	});

test("the list says so as well when the daemon is gone, and keeps its rows", async () => {
	await with_line((line) => visit("#/tunnels", async (page) => {
		page.expect_refusals();
		await rows(page).first().waitFor();
		line.set("refuse");
		await page.getByRole("button", { name: "Refresh" }).click();
		await page.getByText(/Not connected since/).waitFor();
		await rows(page).first().waitFor();
		line.set("pass");
		await page.locator(".connection.live").waitFor();
	}, { at: line.url }));
});

test("a daemon that comes back after a restart is found again", needs_mock, async () => {
	const own = url, first = mock;

	try {
		await visit("#/", async (page) => {
			page.expect_refusals();
			await page.locator(".connection.live").waitFor();
			first.removeAllListeners("exit");
			first.kill();
			await page.getByText(/Not connected since/).waitFor();
			mock = spawn("/usr/bin/python3", [path.join(here, "mock.py"), "--port", new URL(own).port, "--tied", "--admin", admin,
				"--owner", `${tunnel}=${owner}`, "--owner", `${other}=${owner}-of-another`], { stdio: ["pipe", "pipe", "inherit"] });
			await new Promise((r) => mock.stdout.once("data", r));
			await page.locator(".connection.live").waitFor();
		});
	} finally {
		url = own;
	}
});

test("text of the daemon stays text", needs_mock, async () => {
	await visit("#/", async (page) => {
		const evil = "<img src=x onerror=alert(1)><script>alert(2)</script>";

		await page.route("**/api/v1/pop/events", async (route) => {
			const pop = await (await page.request.get(`${url}/api/v1/pop`, { headers: { Authorization: `Bearer ${admin}` } })).json();

			pop.why = [{ cause: evil, severity: "error", sentence: evil, evidence: [evil], remedy: evil }];
			await route.fulfill({ contentType: "text/event-stream", body: `event: pop\ndata: ${JSON.stringify(pop)}\n\n` });
		});
		await page.reload();
		await page.getByText(evil).first().waitFor();
		assert.equal(await page.locator("main img, main script").count(), 0);
	});
});

/* A view of one tunnel as the mock has it, but for what is changed in it. */
async function with_changes(page, name, token, change) {
	await page.route(`**/api/v1/tunnels/${name}/events`, async (route) => {
		const t = await (await page.request.get(`${url}/api/v1/tunnels/${name}`, { headers: { Authorization: `Bearer ${token}` } })).json();

		await route.fulfill({ contentType: "text/event-stream", body: `event: tunnel\ndata: ${JSON.stringify({ ...t, ...change })}\n\n` });
	});
	await page.reload();
}

test("an owner is told what to ask the operator for, the operator what to type", needs_mock, async () => {
	const commands = ["tunnel set config 8 T42 ... up ...", "tunnel show T42", "ip address add 2001:db8::42/64 dev eth0"];
	const why = [["TUNNEL_DISABLED", `enable it: ${commands[0]}`], ["OTHER_DROPS", `${commands[1]}, or wait`], ["CLOCK_OFF", "set the client's clock (NTP)"],
		["POP_BROKEN", `${commands[2]}, and look`]].map(([cause, remedy]) => ({ cause, remedy, severity: "error", sentence: cause, evidence: [] }));
	const asks = ["Only the operator of the PoP can give this command: ask for it.",
		"Only the operator of the PoP can give this command: ask for what it says.", "Only the operator of the PoP can do that: ask for it."];
	const said = (page) => page.locator(".finding").getByText("Only the operator").allInnerTexts();

	await visit(`#/my/${tunnel}`, async (page) => {
		await with_changes(page, tunnel, owner, { why });
		await page.locator(".finding code", { hasText: commands[0] }).waitFor();
		assert.deepEqual(await page.locator(".finding .remedy code").allInnerTexts(), commands);
		assert.deepEqual(await said(page), asks);
		await shot(page, "owner-remedy");
	}, { token: owner, scope: tunnel });
	await visit(`#/tunnels/${tunnel}`, async (page) => {
		await with_changes(page, tunnel, admin, { why });
		await page.locator(".finding .remedy", { hasText: commands[0] }).waitFor();
		assert.deepEqual(await page.locator(".finding .remedy code").allInnerTexts(), commands);
		assert.deepEqual(await said(page), []);
	});
});

test("what is not known or only once there is said so", needs_mock, async () => {
	const fault = { name: "Clock Off", count: 1, last: 1, source: null, reason: null, sentence: "off", packet: null };
	const nothing = { sent: 0, received: 0, loss_percent: 0, min_ms: null, avg_ms: null, max_ms: null, recent_ms: null };
	const changes_of = { ayiya: { kind: "ayiya", type: "none", last_heartbeat: null }, heartbeat: { kind: "heartbeat", type: "direct", last_heartbeat: 7 },
		static: { kind: "static", type: "direct", last_heartbeat: null } };
	const seventh = { ayiya: "Last signed packet", heartbeat: "Last heartbeat", static: "MTU" };

	for (const [kind, change] of Object.entries(changes_of))
		await visit(`#/tunnels/${tunnel}`, async (page) => {
			await with_changes(page, tunnel, admin, { ...change, errors: [fault], moves: 1, latency: nothing });
			await page.getByText("1 kind", { exact: true }).waitFor();
			await page.getByText("moved 1 time", { exact: true }).waitFor();
			assert.deepEqual((await page.locator(".fact dt").allInnerTexts()).slice(6), [seventh[kind], "Errors"]);
			const details = Object.fromEntries(await page.locator(".plain > div").evaluateAll((all) => all.map((d) => [...d.children].map((c) => c.innerText))));

			assert.equal(details.Latency, "not measured");
			if (kind === "ayiya")
				assert.equal(details.Type, "none as long as it is down");
			assert.ok(!(await text(page, ".title")).includes("none"));
		});
});

test("nothing of the list's filters stands alone in a line", async () => {
	for (const width of [1280, 1160, 1000])
		await visit("#/tunnels", async (page) => {
			await rows(page).first().waitFor();
			const middle = (l) => l.boundingBox().then((b) => b.y + b.height / 2);

			assert.ok(Math.abs(await middle(page.getByRole("button", { name: "Refresh" })) - await middle(page.locator(".filters [role=status]"))) < 4, `${width}`);
		}, { viewport: { width, height: 800 } });
});

test("no table of the overview is cut off on a phone", needs_mock, async () => {
	await visit("#/", async (page) => {
		await page.locator(".workers").waitFor();
		await page.waitForFunction(() => [...document.querySelectorAll(".load .num")].every((n) => n.innerText.includes("%")));
		assert.deepEqual(await page.locator(".scroll").evaluateAll((all) => all.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.innerText)), []);
		assert.equal(await page.getByRole("columnheader", { name: "Interface" }).count(), 1);
	}, { viewport: { width: 375, height: 800 } });
});

test("colours follow the system until one is chosen", async () => {
	await visit("#/", async (page) => {
		const theme = () => page.evaluate(() => document.documentElement.dataset.theme);

		assert.equal(await theme(), "dark");
		await page.getByRole("button", { name: "Colours: auto" }).click();
		assert.equal(await theme(), "light");
		await page.reload();
		await page.getByRole("button", { name: "Colours: light" }).waitFor();
		assert.equal(await theme(), "light");
	}, { colorScheme: "dark" });
});

test("every control has a name, and the page one heading of first rank", async () => {
	for (const hash of ["#/", "#/tunnels", `#/tunnels/${tunnel}`])
		await visit(hash, async (page) => {
			await page.locator("h1").waitFor({ state: "attached" });
			assert.equal(await page.locator("h1").count(), 1);
			const nameless = await page.evaluate(() => [...document.querySelectorAll("button, a, input, select, [role=img], [role=grid], [tabindex='0']")]
				.filter((e) => !(e.innerText?.trim() || e.getAttribute("aria-label") || e.labels?.length || e.getAttribute("aria-labelledby")))
				.map((e) => e.outerHTML.slice(0, 120)));

			assert.deepEqual(nameless, []);
		});
});

const VIEWS = [
	["pop", "#/", "Traffic"],
	["tunnels", "#/tunnels", null],
	["tunnel", `#/tunnels/${tunnel}${mocked ? "?error=Wrong+Source+IPv6" : ""}`, "History"],
	["my", `#/my/${tunnel}?step=900`, "Client configuration"],
];

async function settled(page, heading) {
	if (heading === null)
		return rows(page).first().waitFor();
	await page.getByRole("heading", { name: heading, exact: true }).waitFor();
	await page.locator(".legend b").first().filter({ hasText: "bit/s" }).waitFor();
	await page.waitForFunction(() => !document.querySelector(".nothing"));
	return page.waitForTimeout(1000 * shots_after_s);
}

describe("every view", { concurrency: shots_after_s ? 12 : 1 }, () => {
	for (const colorScheme of ["light", "dark"])
		for (const [name, hash, heading] of VIEWS)
			test(`${name} in ${colorScheme} colours`, async () => {
				await visit(hash, async (page) => {
					await settled(page, heading);
					await shot(page, `${name}-${colorScheme}`);
				}, { colorScheme });
			});

	for (const [name, hash, heading] of VIEWS)
		test(`${name} fits a phone of 360 pixels`, async () => {
			await visit(hash, async (page) => {
				await settled(page, heading);
				assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out sideways");
				await shot(page, `${name}-phone`);
			}, { viewport: { width: 360, height: 740 } });
		});
});

for (const colorScheme of ["light", "dark"])
	test(`the login in ${colorScheme} colours`, needs_admin, async () => {
		await visit("#/", async (page) => {
			await page.getByLabel("Admin token").waitFor();
			await shot(page, `login-${colorScheme}`);
		}, { token: "", colorScheme });
	});
