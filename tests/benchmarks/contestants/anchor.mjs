// diff2html with word matching, as a process that is asked one line of JSON at a time and answers with one.
// Its packages lie in the folder that the first argument names.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join } from "node:path";

const from = createRequire(join(process.argv[2], "package.json"));
const diff2html = from("diff2html");
const hljs = from("highlight.js");
const OPTIONS = { matching: "words", outputFormat: "side-by-side", drawFileList: false };

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}

function answer({ patches, highlight, page }) {
  const texts = patches.split("\n").map((path) => readFileSync(path, "utf8"));
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const pages = texts.filter(Boolean).map((text) => drawn(text, highlight === "yes"));
  const spent = process.cpuUsage(cpu);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  if (page) writeFileSync(page, pages.join(""));
  return {
    seconds,
    cpu: (spent.user + spent.system) / 1e6,
    bytes: pages.reduce((sum, html) => sum + Buffer.byteLength(html), 0),
    rows: pages.reduce((sum, html) => sum + html.split("<tr>").length - 1, 0),
    peak: 1024 * Number(/VmHWM:\s+(\d+)/.exec(status())?.[1] ?? process.resourceUsage().maxRSS),
  };
}

// Linux's maxRSS begins with what the parent had when it started us.
function status() {
  return existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
}

function drawn(text, highlight) {
  const files = diff2html.parse(text, OPTIONS);
  if (highlight) colour(files);
  return diff2html.html(files, OPTIONS);
}

// As diff2html-ui does it: line by line. Merging the colours into the page, which costs it more, is left out here.
function colour(files) {
  for (const file of files) {
    const language = hljs.getLanguage(file.language) ? file.language : "plaintext";
    for (const block of file.blocks) {
      for (const line of block.lines) hljs.highlight(line.content.slice(1), { language, ignoreIllegals: true });
    }
  }
}
