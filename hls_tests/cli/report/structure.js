const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const ids = all("[id]").map((it) => it.id);
check("repeated ids", ids.filter((id, at) => ids.indexOf(id) !== at));
check("broken links", all("a[href^='#']").map((it) => it.getAttribute("href")).filter((it) => !document.getElementById(it.slice(1))));
check("external", all("[src], link, a:not([href^='#']), image, object, embed, iframe").map((it) => it.outerHTML));
check("unnamed pictures", all("svg[role=img]").filter((it) => !it.getAttribute("aria-label") && !it.querySelector("title")).length);
check("undescribed pictures", all("svg:not([role]):not([aria-hidden])").length);
check("tables without caption", all("table").filter((it) => !it.caption).length);
check("heads without scope", all("th:not([scope])").length);
check("uneven rows", all("table").filter((table) => {
  const width = table.tHead.rows[0].cells.length;
  return [...table.rows].some((row) => row.cells.length !== width);
}).length);
check("headings", all("h1, h2, h3").map((it) => Number(it.tagName[1])).reduce((worst, level, at, levels) => Math.max(worst, at ? level - levels[at - 1] : level), 0));
check("unlabelled regions", all("[role=region], nav, section").filter((it) => !it.hasAttribute("aria-label") && !it.hasAttribute("aria-labelledby")).length);
check("unlabelled controls", all("button, select").filter((it) => !it.textContent.trim() && !it.getAttribute("aria-label") && !it.labels?.length).length);
check("overflow", document.documentElement.scrollWidth > document.documentElement.clientWidth);
check("sections", all("main > section").map((it) => it.id));
check("layers", all("#details > .layer h3").map((it) => it.textContent.trim()));
check("nodes", all("#drawing a.node .name").map((it) => it.textContent));
check("types", all("#drawing .type text").map((it) => it.textContent));
check("edges", all("#drawing .edges path title").map((it) => it.textContent));
check("not numbers", all("svg *").filter((it) => [...it.attributes].some((a) => !a.name.startsWith("aria") && /NaN|inf/.test(a.value))).length);
const boxes = all("#drawing .box, #drawing .type rect").map((it) => [it, it.getBBox()]);
check("overlapping boxes", boxes.flatMap(([, a], at) => boxes.slice(0, at).filter(([, b]) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)).map(([it]) => it.outerHTML));
// The way of a layer ends at the upper edge of its type; those to its readers begin at the lower one.
check("types off their edges", all("#drawing .type").flatMap((type) => {
  const [box, way] = [type.querySelector("rect").getBBox(), type.querySelector("path")];
  const meets = (point, y) => Math.abs(point.x - box.x - box.width / 2) < 0.2 && Math.abs(point.y - y) < 0.2;
  const from = type.dataset.from;
  const leave = all(`#drawing .edges > path[data-from="${from}"]`).map((it) => it.getPointAtLength(0));
  const fits = meets(way.getPointAtLength(way.getTotalLength()), box.y) && leave.every((it) => meets(it, box.y + box.height));
  return fits ? [] : [type.outerHTML];
}));
