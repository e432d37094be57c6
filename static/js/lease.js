// How long what one writes is one's own: minutes, never seconds. A save renews it and brings a new figure.

const SOON = 10; // minutes
let seen = null;
let at = 0;

function tick() {
  const lease = document.querySelector("#lease[data-seconds]");
  if (!lease) return;
  if (lease !== seen) [seen, at] = [lease, Date.now()];
  const minutes = Math.max(0, Math.floor((Number(lease.dataset.seconds) - (Date.now() - at) / 1000) / 60));
  lease.classList.toggle("soon", minutes < SOON);
  lease.querySelector("[data-left]").textContent = minutes < 120 ? `${minutes} min left` : `${Math.floor(minutes / 60)} h left`;
  const warning = lease.querySelector("[data-warning]");
  if (warning) warning.hidden = minutes >= SOON;
}
tick();
setInterval(tick, 15_000);
for (const swapped of ["htmx:oobAfterSwap", "htmx:afterSwap"]) document.addEventListener(swapped, tick);
