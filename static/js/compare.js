// The compare page beside its keys: files folded, read and filtered, gaps opened, the rating's width.

const pane = document.querySelector(".code-pane");
const assignment = document.body.dataset.assignment;
const articles = [...document.querySelectorAll(".file-diff")];
const listed = new Map([...document.querySelectorAll("tr.file")].map((row) => [row.dataset.for, row]));

// A form that was refused answers at its own address; loading the page again must not send it twice.
if (/\/(submit|decide)$/.test(location.pathname)) {
  history.replaceState(null, "", document.querySelector("[data-tab]").href);
}

// What this browser keeps; it may refuse to.
function kept(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}
function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // It holds for this page.
  }
}

// --- Folding; a folded file is fetched when it is first opened ------------------------------------------------

function fold(article, folded) {
  article.classList.toggle("is-folded", folded);
  article.querySelector("[data-fold]").setAttribute("aria-expanded", String(!folded));
  if (!folded && article.querySelector(".waiting")) htmx.trigger(article, "open");
}

document.addEventListener("fold", (event) => fold(event.target, !event.target.classList.contains("is-folded")));
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (button) fold(button.closest(".file-diff"), button.getAttribute("aria-expanded") === "true");
});

// A link of the list opens what it leads to.
document.querySelector(".files")?.addEventListener("click", (event) => {
  const row = event.target.closest("tr.file");
  if (row) fold(document.getElementById(`file-${row.dataset.for}`), false);
});

// --- Files on their way --------------------------------------------------------------------------------------

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.matches(".rows")) {
    event.detail.target.classList.remove("waiting");
    document.dispatchEvent(new CustomEvent("rows"));
  }
});

document.addEventListener("htmx:afterRequest", (event) => {
  const article = event.target.closest?.(".file-diff");
  if (article && !event.detail.successful) tell(article.querySelector(".rows"), article.dataset.url);
});

function tell(rows, address) {
  const said = document.createElement("p");
  said.className = "empty";
  said.setAttribute("role", "alert");
  said.textContent = "This file did not arrive. ";
  const again = document.createElement("button");
  again.type = "button";
  again.className = "button small";
  again.textContent = "Try again";
  again.addEventListener("click", () => htmx.trigger(rows.closest(".file-diff"), "retry"));
  const alone = document.createElement("a");
  alone.href = address;
  alone.textContent = "open it alone";
  said.append(again, " or ", alone);
  rows.replaceChildren(said);
}

// --- Gaps: htmx is off inside of what strangers wrote, so these few lines fetch them -----------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".unfold");
  if (!button) return;
  const row = button.closest("tr");
  button.disabled = true;
  try {
    const holder = document.createElement("template");
    holder.innerHTML = await gap(row);
    const first = holder.content.querySelector("tr");
    row.replaceWith(holder.content);
    if (first) {
      first.tabIndex = -1;
      first.focus({ preventScroll: true });
    }
    document.dispatchEvent(new CustomEvent("rows"));
  } catch {
    button.disabled = false;
    row.querySelector(".quiet").textContent = "These lines did not arrive. Press the arrows to try again.";
  }
});

// A long gap is stored in pieces.
async function gap(row) {
  const [file, query = ""] = row.closest("[data-url]").dataset.url.split("?");
  const { gap: from, to = from } = row.dataset;
  let rows = "";
  for (let piece = Number(from); piece <= Number(to); piece += 1) {
    const answer = await fetch(`${file}/gaps/${piece}?${query}`, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    rows += await answer.text();
  }
  return rows;
}

// --- Read marks ----------------------------------------------------------------------------------------------------

const readKey = `marlin.read.${assignment}`;
const read = new Set(kept(readKey, []));

function showRead() {
  for (const box of document.querySelectorAll("[data-read]")) {
    box.checked = read.has(box.dataset.read);
    listed.get(box.closest(".file-diff").dataset.file)?.classList.toggle("read", box.checked);
  }
  const count = document.querySelector("#read-count");
  if (!count) return;
  const done = articles.filter((article) => article.querySelector("[data-read]").checked).length;
  count.textContent = `${done} of ${articles.length} read`;
  document.querySelector("#read-bar").value = done;
}
showRead();

document.addEventListener("change", (event) => {
  const box = event.target.closest("[data-read]");
  if (!box) return;
  read[box.checked ? "add" : "delete"](box.dataset.read);
  keep(readKey, [...read]);
  showRead();
});

// --- You are here ----------------------------------------------------------------------------------------------------

function mark() {
  const top = pane.getBoundingClientRect().top + 72;
  const now = articles.findLast((article) => article.getBoundingClientRect().top <= top) ?? articles[0];
  for (const [number, row] of listed) {
    const here = now?.dataset.file === number;
    row.classList.toggle("now", here);
    row.querySelector("a").toggleAttribute("aria-current", here);
  }
}
let marking = 0;
pane.addEventListener("scroll", () => {
  cancelAnimationFrame(marking);
  marking = requestAnimationFrame(mark);
});
mark();

// --- Filter of the list: it hides rows of the list, never files ---------------------------------------------------------

document.querySelector("#filter")?.addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const row of listed.values()) row.hidden = !row.dataset.path.toLowerCase().includes(wanted);
  for (const body of document.querySelectorAll(".files tbody")) body.hidden = !body.querySelector("tr.file:not([hidden])");
});

// --- The rating: closed or open, and how wide -----------------------------------------------------------------------------

const panel = document.querySelector(".panel");
if (panel) {
  const toggle = panel.querySelector("[data-toggle-panel]");
  const handle = panel.querySelector(".resize");
  const shape = kept("marlin.panel", {});

  const close = (closed) => {
    document.body.classList.toggle("rating-closed", closed);
    toggle.setAttribute("aria-expanded", String(!closed));
    keep("marlin.panel", Object.assign(shape, { closed }));
  };
  const widen = (pixels) => {
    const width = Math.round(Math.min(560, Math.max(300, pixels)));
    document.body.style.setProperty("--panel", `${width}px`);
    handle.setAttribute("aria-valuenow", width);
    keep("marlin.panel", Object.assign(shape, { width }));
  };

  if (shape.closed) close(true);
  if (shape.width) widen(shape.width);
  else handle.setAttribute("aria-valuenow", Math.round(panel.offsetWidth));

  toggle.addEventListener("click", () => close(!document.body.classList.contains("rating-closed")));
  document.addEventListener("panel", (event) => close(event.detail ?? !document.body.classList.contains("rating-closed")));
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (move) => widen(window.innerWidth - move.clientX);
  });
  handle.addEventListener("pointerup", () => (handle.onpointermove = null));
  handle.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") widen(panel.offsetWidth + 16);
    if (event.key === "ArrowRight") widen(panel.offsetWidth - 16);
  });
}

// --- How much is rated ------------------------------------------------------------------------------------------------------

const count = document.querySelector("#count");
if (count) {
  const scales = [...document.querySelectorAll("#rate .scale")];
  const tally = () => {
    count.textContent = `${scales.filter((scale) => scale.querySelector(":checked")).length} of ${scales.length} rated`;
  };
  document.addEventListener("change", tally);
  tally();
}
