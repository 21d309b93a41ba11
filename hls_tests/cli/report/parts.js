const parts = [...document.querySelectorAll(".parts svg")].map((it) => it.viewBox.baseVal);
const drawing = document.getElementById("drawing");
const ends = parts.map((it) => it.y + it.height);
check("parts", parts.length);
check("covers the drawing", parts.every((it, at) => Math.abs(it.y - (at ? ends[at - 1] : 0)) < 0.2)
  && Math.abs(ends[ends.length - 1] - Number(drawing.dataset.height)) < 0.2);
check("tallest", Math.max(...parts.map((it) => it.height)));
const boxes = [...drawing.querySelectorAll(".box, .type rect")].map((it) => [it, it.getBBox()]);
check("cut boxes", boxes.filter(([, it]) => ends.some((end) => it.y < end && end < it.y + it.height)).map(([it]) => it.outerHTML));
check("hidden on the screen", getComputedStyle(document.querySelector(".parts")).display === "none");
