/*
 * How long until the list of tunnels shows its first row: for ./bench.
 *
 *	node first-row.js URL ROUNDS	prints {"tunnels": n, "ms": [...]}
 *
 * Each round is a fresh browser context, so nothing is cached; from navigating to a row that is drawn.
 */
import { chromium } from "playwright-core";

const [url, rounds] = [process.argv[2], Number(process.argv[3])];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const ms = [];
let tunnels = 0;

for (let i = 0; i < rounds; i++) {
	const context = await browser.newContext();
	const page = await context.newPage();
	const began = performance.now();

	await page.goto(`${url}#/tunnels`);
	await page.locator(".rows [role=row]").first().waitFor();
	ms.push(performance.now() - began);
	tunnels = await page.evaluate(async () => (await (await fetch("/api/v1/tunnels")).json()).rows.length);
	await context.close();
}
await browser.close();
console.log(JSON.stringify({ tunnels, ms }));
