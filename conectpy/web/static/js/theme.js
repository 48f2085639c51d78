// Runs before the first paint, so that a dark page never flashes white. Not a module: modules wait for the document.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function stored() {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  }
  function apply() {
    document.documentElement.dataset.bsTheme = stored() || (dark.matches ? "dark" : "light");
    document.dispatchEvent(new CustomEvent("theme"));
  }
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", () => {
      const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("theme", next);
      } catch {
        /* private window: for this page only */
      }
      document.documentElement.dataset.bsTheme = next;
      document.dispatchEvent(new CustomEvent("theme"));
    });
  });
})();
