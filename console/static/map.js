// The map: our own GeoJSON, no tiles, no glyph server, nothing from another host. It shows what the lists show.
import { AFTER_MS, follow } from "./live.js";
import { iconsOf, paletteOf } from "./marks.js";
import { SoftMap } from "./softmap.js";

const EMPTY = { type: "FeatureCollection", features: [] };
const CLICK_PX = 6;
const AGAIN_MS = 15000;
const MARKS_PACE_MS = 2000;
const ZONES_PACE_MS = 5000;
const IDLE_MS = 3000;
const DRAW_REST = 30; // times as long as the drawing took: without a graphics card it takes the page's processor,
const REST_MAX_MS = 10000; // but no longer
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const RANK = { none: 0, normal: 0, blue: 1, yellow: 2, orange: 3, red: 4 };
const KINDS = /^(transition|station|order|shelter|evacuation|realm|pack)/;
const ZONE_KINDS = /^(evacuation|order)/;
const FONT = ["Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];

export class OverviewMap {
  constructor(place, realm, onPick, choose) {
    Object.assign(this, { place, realm, onPick, choose, sel: "", areas: {}, marks: EMPTY, regions: EMPTY, pace: MARKS_PACE_MS });
    this.colours = paletteOf(place);
    this.map = new SoftMap({
      container: place,
      style: this.style(),
      bounds: [108.4, 29.0, 109.3, 29.9], // until the townships are there; then theirs
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      renderWorldCopies: false,
      fadeDuration: 0,
      refreshExpiredTiles: false,
      locale: { "Map.Title": place.closest("[aria-label]")?.getAttribute("aria-label") ?? "map" },
    });
    place.map = this.map; // for whoever looks at the page from outside
    this.begun = this.view();
    this.map.touchZoomRotate.disableRotation();
    for (const [name, image] of iconsOf(this.colours)) this.map.addImage(name, image, { pixelRatio: 2 });
    this.ready = new Promise((resolve) => this.map.once("load", resolve));
    this.map.on("click", (event) => this.onClick(event));
    this.map.on("mousemove", (event) => { this.map.getCanvas().style.cursor = this.found(event.point) ? "pointer" : ""; });
    this.start();
  }

  style() {
    const c = this.colours;
    const level = ["match", ["get", "level"], "red", c.red, "orange", c.orange, "yellow", c.yellow, "blue", c.blue, c.calm];
    const tint = ["match", ["get", "level"], "red", c.tintRed, "orange", c.tintOrange, "yellow", c.tintYellow, "blue", c.tintBlue, c.land];
    const text = (more) => ({ "text-font": FONT, "text-size": 12, "text-padding": 4, ...more });
    const source = (promoteId) => ({ type: "geojson", data: EMPTY, ...(promoteId ? { promoteId } : {}) });
    return {
      version: 8,
      sources: { regions: source("code"), roads: source(), zones: source(), marks: source() },
      layers: [
        { id: "ground", type: "background", paint: { "background-color": c.ground } },
        { id: "regions", type: "fill", source: "regions", paint: { "fill-color": tint } },
        { id: "blind", type: "fill", source: "regions", filter: ["==", ["get", "sight"], "none"], paint: { "fill-pattern": "hatch" } },
        { id: "half-blind", type: "fill", source: "regions", filter: ["==", ["get", "sight"], "part"], paint: { "fill-pattern": "hatch-thin" } },
        { id: "roads", type: "line", source: "roads", paint: { "line-color": c.road, "line-width": ["match", ["get", "kind"], ["road", "street"], 1.6, 0.7] } },
        { id: "borders", type: "line", source: "regions", paint: { "line-color": c.border, "line-width": 0.8 } },
        { id: "zones-drawn", type: "line", source: "zones", filter: ["!", ["get", "in_force"]], layout: { visibility: "none" }, paint: { "line-color": c.calm, "line-width": 0.8, "line-dasharray": [3, 2] } },
        { id: "zones", type: "fill", source: "zones", filter: ["get", "in_force"], paint: { "fill-color": level, "fill-opacity": 0.28 } },
        { id: "zones-edge", type: "line", source: "zones", filter: ["get", "in_force"], paint: { "line-color": level, "line-width": 1.8, "line-dasharray": [2, 1] } },
        { id: "chosen-region", type: "line", source: "regions", filter: ["==", ["get", "code"], ""], paint: { "line-color": c.ink, "line-width": 3 } },
        { id: "chosen-zone", type: "line", source: "zones", filter: ["==", ["get", "sel"], ""], paint: { "line-color": c.ink, "line-width": 3 } },
        { id: "chosen-mark", type: "circle", source: "marks", filter: ["==", ["get", "sel"], ""], paint: { "circle-radius": 13, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": c.ink, "circle-stroke-width": 2.5 } },
        { id: "marks", type: "symbol", source: "marks", layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-ignore-placement": true, "symbol-sort-key": ["get", "rank"] } },
        { id: "names", type: "symbol", source: "regions", layout: text({ "text-field": ["get", "name"], "text-size": ["interpolate", ["linear"], ["zoom"], 8, 11, 12, 15] }), paint: { "text-color": c.ink, "text-halo-color": c.halo, "text-halo-width": 1.4 } },
        { id: "mark-names", type: "symbol", source: "marks", minzoom: 11, layout: text({ "text-field": ["get", "name"], "text-anchor": "top", "text-offset": [0, 0.9], "text-optional": true }), paint: { "text-color": c.ink, "text-halo-color": c.halo, "text-halo-width": 1.4 } },
      ],
    };
  }

  async start() {
    const legend = document.getElementById("legend");
    legend?.addEventListener("change", () => this.show(legend));
    document.addEventListener("live:event", ({ detail }) => this.onEvent(detail.event));
    setInterval(() => document.hidden || this.refresh(), AGAIN_MS);
    this.refresh();
    const [base] = await Promise.all([this.get("base"), this.ready]);
    if (base) {
      this.regions = { ...EMPTY, features: base.features.filter((f) => f.properties.layer === "regions") };
      this.map.getSource("roads").setData({ ...EMPTY, features: base.features.filter((f) => f.properties.layer === "roads") });
      if (this.view() === this.begun) this.fit(); // else the officer is looking somewhere by now
    }
    if (legend) this.show(legend);
    this.draw();
    this.zones();
  }

  // What the event itself says, at once: a level that rose on a township or at a station. All the rest comes with `marks`.
  apply({ scope, confirmed_level: sure, to, verification }) {
    const area = this.areas[scope];
    if (area && RANK[sure] > RANK[area.level]) area.level = sure;
    const mark = this.marks.features.find((f) => f.properties.sel === `stations:${scope}`)?.properties;
    if (mark && RANK[to] > mark.rank) Object.assign(mark, { level: to, rank: RANK[to], open: verification !== "confirmed" });
    if (!area && !mark) return;
    this.marksSaid = ""; // the next answer is drawn, whatever it says
    this.drawSoon();
  }

  async get(name) {
    const text = await this.read(name);
    return text === null ? null : JSON.parse(text);
  }

  async read(name) {
    try {
      const answer = await fetch(`/part/map/${name}?realm=${encodeURIComponent(this.realm)}`);
      return answer.ok ? await answer.text() : null;
    } catch {
      return null;
    }
  }

  onEvent(event) {
    if (event.kind === "transition") this.apply(event.body);
    if (KINDS.test(event.kind)) setTimeout(() => this.refresh(), AFTER_MS);
    if (ZONE_KINDS.test(event.kind)) setTimeout(() => this.zones(), AFTER_MS);
  }

  refresh() {
    follow(this, () => this.loadMarks(), this.pace);
  }

  zones() {
    follow(this.map, () => this.loadZones(), ZONES_PACE_MS);
  }

  // A map is dear to draw: what says the same as the last answer is not drawn again.
  async loadMarks() {
    const text = await this.read("marks");
    if (text === null) {
      this.marksSaid = "";
      return this.sayWrong(["console"]);
    }
    if (text === this.marksSaid) return;
    const found = JSON.parse(text);
    Object.assign(this, { marksSaid: text, areas: found.areas, marks: found.marks });
    this.sayWrong(found.wrong);
    await this.ready;
    this.drawSoon();
  }

  async loadZones() {
    const text = await this.read("zones");
    await this.ready;
    if (text === null || text === this.zonesSaid) return;
    this.zonesSaid = text;
    this.zonesNew = JSON.parse(text);
    this.drawSoon();
  }

  // At once, then the less often the longer it takes; nor are marks asked for that would not be drawn.
  drawSoon() {
    follow(this.place, async () => {
      const begun = performance.now();
      const idle = new Promise((resolve) => this.map.once("idle", resolve));
      this.draw();
      await Promise.race([idle, rest(IDLE_MS)]); // a page that nobody sees is never idle
      const resting = Math.min((performance.now() - begun) * DRAW_REST, REST_MAX_MS);
      this.pace = Math.max(MARKS_PACE_MS, resting);
      await rest(resting);
    });
  }

  draw() {
    for (const feature of this.regions.features) {
      const area = this.areas[feature.properties.code];
      Object.assign(feature.properties, { level: area?.level ?? "none", sight: area?.sight ?? "none", top: area?.top ?? "" });
    }
    const shown = this.shown;
    const features = this.marks.features.filter((f) => shown.has(f.properties.layer) || f.properties.rank > 0 || f.properties.sel === this.sel);
    for (const { properties: p } of features) p.icon = p.level !== "none" ? `level-${p.level}${p.open ? "-open" : ""}` : `${p.layer}${p.unknown ? "-unknown" : ""}`;
    if (this.zonesNew) this.map.getSource("zones").setData(this.zonesNew);
    this.zonesNew = null;
    this.map.getSource("regions").setData(this.regions);
    this.map.getSource("marks").setData({ ...EMPTY, features });
    this.place.dataset.marks = features.length;
    this.place.dataset.drawn = performance.now();
  }

  show(legend) {
    this.shown = new Set([...legend.querySelectorAll("input:checked")].map((box) => box.name));
    const seen = (layer, is) => this.map.getLayer(layer) && this.map.setLayoutProperty(layer, "visibility", is ? "visible" : "none");
    seen("roads", this.shown.has("roads"));
    seen("zones-drawn", this.shown.has("zones"));
    this.draw();
  }

  get shown() {
    return this._shown ?? new Set(["stations"]);
  }

  set shown(layers) {
    this._shown = layers;
  }

  sayWrong(wrong) {
    let said = this.place.querySelector(".map-wrong");
    if (!wrong.length) return void said?.remove();
    if (!said) {
      said = document.createElement("p");
      said.className = "map-wrong bad";
      said.setAttribute("role", "alert");
      this.place.append(said);
    }
    said.textContent = `${this.place.dataset.wrong}: ${wrong.join(", ")}`;
  }

  fit() {
    const at = [180, 90, -180, -90];
    const take = (c) => {
      if (typeof c[0] !== "number") return c.forEach(take);
      [at[0], at[1], at[2], at[3]] = [Math.min(at[0], c[0]), Math.min(at[1], c[1]), Math.max(at[2], c[0]), Math.max(at[3], c[1])];
    };
    for (const feature of this.regions.features) take(feature.geometry.coordinates);
    if (at[0] < at[2]) this.map.fitBounds(at, { padding: 12, animate: false });
  }

  view() {
    return [...this.map.getCenter().toArray(), this.map.getZoom()].join();
  }

  found(point) {
    const box = [[point.x - CLICK_PX, point.y - CLICK_PX], [point.x + CLICK_PX, point.y + CLICK_PX]];
    for (const layer of ["marks", "zones", "zones-drawn"]) {
      const hit = this.map.getLayer(layer) && this.map.queryRenderedFeatures(box, { layers: [layer] })[0];
      if (hit) return hit.properties.sel;
    }
    return "";
  }

  onClick(event) {
    const sel = this.found(event.point);
    if (sel) return void this.onPick(sel);
    const area = this.map.queryRenderedFeatures(event.point, { layers: ["regions"] })[0];
    if (area?.properties.top) this.onPick(area.properties.top);
    else if (area) this.choose({ township: area.properties.code });
  }

  async select(sel, { move }) {
    this.sel = sel;
    await this.ready;
    const [layer, id] = [sel.slice(0, sel.indexOf(":")), sel.slice(sel.indexOf(":") + 1)];
    const scope = layer === "fuses" ? id.slice(id.indexOf("/") + 1) : "";
    const mark = this.marks.features.find((f) => f.properties.sel === sel || (scope && f.properties.sel.endsWith(`:${scope}`)));
    this.map.setFilter("chosen-mark", ["==", ["get", "sel"], mark?.properties.sel ?? ""]);
    this.map.setFilter("chosen-zone", ["==", ["get", "sel"], layer === "zones" ? sel : ""]);
    this.map.setFilter("chosen-region", ["==", ["get", "code"], mark ? "" : scope]);
    this.place.dataset.chosen = sel;
    this.draw();
    if (mark && move && !this.map.getBounds().contains(mark.geometry.coordinates)) this.map.easeTo({ center: mark.geometry.coordinates, duration: 250 });
  }
}
