// Both transcripts: words are looked for as one types, kinds of steps are shown alone.

import { bind } from "./keys.js";

const query = document.querySelector("#query");
const said = document.querySelector("#matches");
const buttons = [...document.querySelectorAll("[data-which]")];
const lists = [...document.querySelectorAll(".steps-of")];
const steps = lists.flatMap((list) => [...list.children]);
const texts = new Map(steps.map((step) => [step, step.textContent.toLowerCase()]));
const asked = query.value; // the server has left out what does not hold these words

function show() {
  const words = query.value.trim().toLowerCase();
  const group = buttons.find((button) => button.ariaPressed === "true")?.dataset.which ?? "";
  for (const step of steps) {
    step.hidden = (group && step.dataset.group !== group) || !texts.get(step).includes(words);
    // What was found must be seen, also in a folded listing.
    for (const folded of step.querySelectorAll("details")) {
      if (words && !step.hidden) folded.open = folded.textContent.toLowerCase().includes(words);
    }
  }
  light(words);
  const counts = ["A", "B"].map((letter) => `${seen(letter)} of ${letter}`);
  said.textContent = words || group ? `Steps shown: ${counts.join(", ")}.` : "";
}

const seen = (letter) =>
  lists
    .filter((list) => list.ariaLabel.startsWith(letter))
    .reduce((sum, list) => sum + list.querySelectorAll(":scope > li:not([hidden])").length, 0);

// Marked without touching the text: no element is added, and nothing has to be taken out again.
function light(words) {
  if (!globalThis.Highlight) return;
  CSS.highlights.delete("found");
  if (words.length < 2) return;
  const ranges = [];
  for (const step of steps.filter((one) => !one.hidden)) {
    const walker = document.createTreeWalker(step, NodeFilter.SHOW_TEXT);
    while (walker.nextNode() && ranges.length < 2000) ranges.push(...rangesIn(walker.currentNode, words));
  }
  CSS.highlights.set("found", new Highlight(...ranges));
}

function* rangesIn(node, words) {
  const text = node.data.toLowerCase();
  if (text.length !== node.data.length) return; // a letter whose small form is longer
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + words.length)) {
    const range = new Range();
    range.setStart(node, at);
    range.setEnd(node, at + words.length);
    yield range;
  }
}

query.addEventListener("input", () => {
  // Fewer words than the server was asked for: it has the rest.
  if (asked && !query.value.toLowerCase().includes(asked.toLowerCase())) query.form.submit();
  else show();
});
query.form.addEventListener("submit", (event) => {
  if (asked) return;
  event.preventDefault();
  show();
});
for (const button of buttons) {
  button.addEventListener("click", () => {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
    show();
  });
}
if (asked) light(asked.toLowerCase());

bind({
  "/": () => {
    query.focus();
    query.select();
  },
});
