// What every page has: help, the person's menu, times of the reader's own clock, care with answers, a memory.

// What this browser keeps; it may refuse to.
export function kept(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // It holds for this page.
  }
}

// Said to those who listen, shown to nobody.
export function announce(sentence) {
  document.querySelector("#announced")?.replaceChildren(sentence);
}

const help = document.querySelector("#help");

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) help?.showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  for (const menu of document.querySelectorAll("details.person[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.person[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, dialog");
  if (event.key === "?" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) help?.showModal();
});

// The server writes UTC; a reader thinks in local time.
const forms = {
  clock: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  moment: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};

function localise(within) {
  for (const time of within.querySelectorAll("time[data-local]")) {
    time.textContent = new Date(time.dateTime).toLocaleString("en-GB", forms[time.dataset.local]);
    time.removeAttribute("data-local");
  }
}
localise(document);
document.addEventListener("htmx:load", (event) => localise(event.detail.elt));

// An answer from another address than the one asked is the sign-in page, not the part that was wanted.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const asked = new URL(requestConfig.path, location.href).pathname;
  if (xhr.responseURL && new URL(xhr.responseURL).pathname !== asked) {
    event.detail.shouldSwap = false;
    event.detail.isError = true;
  }
});

// What was refused stands above the form; it is read out and scrolled to once.
document.querySelector(".refused[tabindex]")?.focus();
