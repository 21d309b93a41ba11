"use strict";
(() => {
  const root = document.documentElement;
  const canvas = document.getElementById("canvas");
  const drawing = document.getElementById("drawing");
  const select = document.getElementById("choose");
  const announcement = document.getElementById("announcement");
  const layers = [...document.querySelectorAll("#details > .layer")];
  const nodes = [...drawing.querySelectorAll("a.node")];
  const edges = [...drawing.querySelectorAll(".edges > path")];
  const types = [...drawing.querySelectorAll(".edges > .type")];
  const size = [Number(drawing.dataset.width), Number(drawing.dataset.height)];
  const smallest = 0.05;
  const largest = 4;
  let scale = 1;
  let chosen = -1;
  root.classList.add("js");

  // Shows the details of one layer; the others stay findable in the page.
  function choose(index, focus) {
    if (!layers[index]) return;
    chosen = index;
    layers.forEach((layer, at) => {
      if (at === index) layer.removeAttribute("hidden");
      else layer.setAttribute("hidden", "until-found");
    });
    nodes.forEach((node, at) => {
      // One stop of the tab key; arrow keys go on from there.
      node.setAttribute("tabindex", at === index ? "0" : "-1");
      if (at === index) node.setAttribute("aria-current", "true");
      else node.removeAttribute("aria-current");
    });
    const near = new Set([index]);
    edges.forEach((edge) => {
      const [from, to] = [Number(edge.dataset.from), Number(edge.dataset.to)];
      if (to === index) near.add(from);
      edge.classList.toggle("near", from === index || to === index);
    });
    types.forEach((type) => type.classList.toggle("near", near.has(Number(type.dataset.from))));
    select.selectedIndex = index;
    // For screen readers, as the focus may stay on the box.
    announcement.textContent = focus === undefined ? "" : `Details of ${nodes[index].getAttribute("aria-label")}`;
    document.getElementById("details").scrollTop = 0;
    if (focus === "details") layers[index].focus({ preventScroll: true });
    if (focus === "node") nodes[index].focus({ preventScroll: true });
    reveal(index);
  }

  // Scrolls the drawing, not the page, until a layer is in view.
  function reveal(index) {
    const [view, box] = [canvas, nodes[index]].map((it) => it.getBoundingClientRect());
    if (box.left < view.left || box.right > view.right) {
      canvas.scrollLeft += (box.left + box.right - view.left - view.right) / 2;
    }
    if (box.top < view.top || box.bottom > view.bottom) {
      canvas.scrollTop += (box.top + box.bottom - view.top - view.bottom) / 2;
    }
  }

  // Zooms around a point of the canvas, its middle by default.
  function zoom(to, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const next = Math.min(largest, Math.max(smallest, to));
    const ratio = next / scale;
    const [left, top] = [(canvas.scrollLeft + x) * ratio - x, (canvas.scrollTop + y) * ratio - y];
    scale = next;
    drawing.setAttribute("width", size[0] * scale);
    drawing.setAttribute("height", size[1] * scale);
    canvas.scrollLeft = left;
    canvas.scrollTop = top;
  }

  // A canvas is as high as its drawing, up to its largest height.
  function fit() {
    const height = parseFloat(getComputedStyle(canvas).maxHeight);
    zoom(Math.min(canvas.clientWidth / size[0], (height - 2) / size[1]));
  }

  document.querySelectorAll("[data-zoom]").forEach((button) => {
    button.addEventListener("click", () => {
      const way = button.dataset.zoom;
      if (way === "in") zoom(scale * 1.25);
      else if (way === "out") zoom(scale / 1.25);
      else if (way === "fit") fit();
      else zoom(1);
    });
  });
  select.addEventListener("change", () => choose(select.selectedIndex));
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const view = canvas.getBoundingClientRect();
      const ratio = Math.exp(-event.deltaY / 400);
      zoom(scale * ratio, event.clientX - view.left, event.clientY - view.top);
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = nodes.indexOf(document.activeElement);
    const keys = {
      "+": () => zoom(scale * 1.25),
      "=": () => zoom(scale * 1.25),
      "-": () => zoom(scale / 1.25),
      "0": fit,
    };
    if (at >= 0) {
      keys.ArrowDown = keys.ArrowRight = () => choose(Math.min(at + 1, nodes.length - 1), "node");
      keys.ArrowUp = keys.ArrowLeft = () => choose(Math.max(at - 1, 0), "node");
    }
    const action = keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // Dragging with the mouse; fingers scroll without help.
  let drag = null;
  let moved = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    drag = [event.clientX + canvas.scrollLeft, event.clientY + canvas.scrollTop];
    moved = false;
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [left, top] = [drag[0] - event.clientX, drag[1] - event.clientY];
    if (Math.abs(left - canvas.scrollLeft) + Math.abs(top - canvas.scrollTop) > 4) moved = true;
    if (!moved) return;
    canvas.scrollLeft = left;
    canvas.scrollTop = top;
  });
  window.addEventListener("pointerup", () => {
    drag = null;
  });
  drawing.addEventListener("dragstart", (event) => event.preventDefault());

  // Every link to a layer chooses it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const target = link && /^#layer-(\d+)$/.exec(link.getAttribute("href"));
    if (!target) return;
    event.preventDefault();
    if (moved && canvas.contains(link)) {
      moved = false;
      return;
    }
    history.replaceState(null, "", target[0]);
    choose(Number(target[1]), canvas.contains(link) ? "box" : "details");
    if (!link.closest("#graph")) document.getElementById("graph").scrollIntoView();
  });
  layers.forEach((layer, at) => layer.addEventListener("beforematch", () => choose(at)));
  window.addEventListener("hashchange", fromAddress);

  function fromAddress() {
    const target = /^#layer-(\d+)$/.exec(location.hash);
    choose(target ? Number(target[1]) : Math.max(chosen, 0), target ? "details" : undefined);
  }
  if (size[0] > canvas.clientWidth) zoom(Math.max(canvas.clientWidth / size[0], 0.6));
  canvas.scrollLeft = (canvas.scrollWidth - canvas.clientWidth) / 2;
  fromAddress();
  canvas.scrollTop = location.hash ? canvas.scrollTop : 0;
})();
