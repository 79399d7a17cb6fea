"use strict";
(() => {
  const list = document.getElementById("list");
  if (list) {
    const layers = [...list.children];
    const search = document.getElementById("search");
    const count = document.getElementById("count");
    const choices = [...document.querySelectorAll("[data-show]")];
    const pressed = (button, on) => button.setAttribute("aria-pressed", String(on));
    let show = "all";

    const wanted = {
      all: () => true,
      off: (state) => state === "off",
      compared: (state) => state !== "info",
    };

    const filter = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let seen = 0;
      for (const layer of layers) {
        const found = wanted[show](layer.dataset.state)
          && words.every((word) => layer.dataset.words.includes(word));
        layer.hidden = !found;
        seen += found;
      }
      count.textContent = seen === layers.length ? "" : `${seen} of ${layers.length}`;
      document.getElementById("none").hidden = seen > 0;
    };

    const choose = (name) => {
      show = name;
      choices.forEach((button) => pressed(button, button.dataset.show === name));
      filter();
    };

    search.addEventListener("input", filter);
    document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
    choices.forEach((button) => button.addEventListener("click", () => choose(button.dataset.show)));

    const order = document.getElementById("order");
    order.addEventListener("click", () => {
      const furthest = order.getAttribute("aria-pressed") !== "true";
      pressed(order, furthest);
      const sorted = furthest ? [...layers].sort((a, b) => b.dataset.times - a.dataset.times) : layers;
      list.append(...sorted);
    });

    const expand = document.getElementById("expand");
    expand.addEventListener("click", () => {
      const open = expand.getAttribute("aria-pressed") !== "true";
      pressed(expand, open);
      layers.forEach((layer) => { layer.open = open && !layer.hidden; });
    });

    const follow = () => {
      const target = document.getElementById(location.hash.slice(1));
      if (!target || target.parentElement !== list) return;
      search.value = "";
      choose("all");
      target.open = true;
      target.scrollIntoView({ block: "center" });
    };
    window.addEventListener("hashchange", follow);
    follow();
  }
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details.more, details.off").forEach((part) => { part.open = true; });
  });
})();
