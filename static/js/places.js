// A remark on the prompt leads to its words: the field is focused and they are selected.

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-start]");
  const field = link && document.querySelector(link.getAttribute("href"));
  if (!field) return;
  event.preventDefault();
  field.focus();
  const [start, end] = [Number(link.dataset.start), Number(link.dataset.end)];
  if (end > start) field.setSelectionRange(start, end);
});
