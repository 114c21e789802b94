"use strict";
// Looks at the page again every half minute, and puts what has changed in its place. A page that somebody works with,
// or that nobody sees, is left alone.
(() => {
  const main = document.getElementById("main");
  const said = document.getElementById("fresh");
  const every = Number(main.dataset.refresh) * 1000;

  const inUse = () =>
    document.hidden ||
    main.contains(document.activeElement) && document.activeElement !== main ||
    String(getSelection()) !== "" ||
    main.querySelector("input:checked, details[open]") !== null;

  const look = async () => {
    if (inUse()) {
      return;
    }
    try {
      const answer = await fetch(location.href, {
        headers: { "Accept": "text/html", "X-Cordon-Refresh": "1" },
        cache: "no-store",
        redirect: "error",
      });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!answer.ok || !fresh) {
        throw new Error(String(answer.status));
      }
      if (inUse()) {
        return;
      }
      main.replaceChildren(...fresh.childNodes);
      document.getElementById("fresh").textContent = "Updated " + new Date().toLocaleTimeString();
    } catch {
      const stale = document.getElementById("fresh") || said;
      stale.textContent = "Not up to date: reload the page";
      stale.classList.add("stale");
    }
  };
  setInterval(look, every);
})();
