// Runs before the first paint, so that a chosen theme never flashes. Not a module: modules wait for the page.

(() => {
  const root = document.documentElement;
  root.classList.add("script");

  const apply = (theme) => {
    const mode = theme.startsWith("dark") ? "dark" : theme.startsWith("light") ? "light" : "auto";
    root.dataset.colorMode = mode;
    root.dataset.lightTheme = mode === "light" ? theme : "light";
    root.dataset.darkTheme = mode === "dark" ? theme : "dark";
  };

  const kept = () => {
    try {
      return localStorage.getItem("marlin.theme") || "auto";
    } catch {
      return "auto"; // storage is switched off: the system decides
    }
  };

  apply(kept());
  // Paper is white: light letters of a dark theme could not be read on it.
  window.addEventListener("beforeprint", () => apply("light"));
  window.addEventListener("afterprint", () => apply(kept()));
  window.addEventListener("storage", (event) => event.key === "marlin.theme" && apply(kept()));
  document.addEventListener("DOMContentLoaded", () => {
    for (const select of document.querySelectorAll("[data-theme]")) {
      select.value = kept();
      select.addEventListener("change", () => {
        apply(select.value);
        try {
          localStorage.setItem("marlin.theme", select.value);
        } catch {
          // It holds for this page.
        }
      });
    }
  });
})();
