// The bundle: one script, one style sheet, names that never change.
import { defineConfig } from "vite";

const licence = `/*!
sixxsd's page. Contains Preact, Copyright (c) 2015-present Jason Miller, and uPlot, Copyright (c) 2022 Leon Sorokin,
both under the MIT License:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
*/
`;

// Minifying drops comments, so this one is put in front afterwards.
const keep_licence = {
	name: "keep-licence",
	enforce: "post",
	generateBundle(_options, bundle) {
		for (const file of Object.values(bundle))
			if (file.type === "chunk")
				file.code = licence + file.code;
	},
};

export default defineConfig({
	base: "./",
	plugins: [keep_licence],
	build: {
		target: "es2020",
		outDir: "../bundle",
		emptyOutDir: false,
		cssCodeSplit: false,
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
		rollupOptions: {
			output: {
				entryFileNames: "app.js",
				chunkFileNames: "app-[name].js",
				assetFileNames: "app.[ext]",
			},
		},
	},
	// for development against tests/web/mock.py
	server: { proxy: { "/api": "http://127.0.0.1:8642" } },
});
