// The map: our own GeoJSON, no tiles, no glyph server, nothing from another host. It shows what the lists show.
import { AFTER_MS, follow } from "./live.js";
import { paletteOf } from "./marks.js";
import { Overlay } from "./overlay.js";
import { SoftMap } from "./softmap.js";

const GROUND_SOON_MS = 1500;
const MARKS_PACE_MS = 4000;
const MARKS_AFTER_MS = 1000; // what rose is on the map by then: the rest of the burst goes first
const ZONES_PACE_MS = 5000;
const RANK = { none: 0, normal: 0, blue: 1, yellow: 2, orange: 3, red: 4 };
const KINDS = /^(transition|station|order|shelter|evacuation|realm|pack)/;
const ZONE_KINDS = /^(evacuation|order)/;

const WITHOUT_GROUND = [108.4, 29.0, 109.3, 29.9]; // until the townships are there; then where they lie
const FIT = { padding: 12, animate: false };

// Made with its townships and roads, so that it is drawn once; if they do not come soon, without, and they come after.
export async function openMap(place, realm, onPick, choose) {
  const asked = load(realm, "base");
  const soon = await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, GROUND_SOON_MS))]);
  const map = new OverviewMap(place, realm, onPick, choose, soon);
  if (!soon) asked.then((late) => map.ground(late));
  return map;
}

async function load(realm, name) {
  try {
    const answer = await fetch(`/part/map/${name}?realm=${encodeURIComponent(realm)}`);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function isWhole(answer) {
  return Boolean(answer) && !answer.wrong.length;
}

function groundOf(base) {
  const of = (layer) => (base?.features ?? []).filter((f) => f.properties.layer === layer);
  return { regions: of("regions"), roads: of("roads") };
}

function boundsOf(features) {
  const at = [180, 90, -180, -90];
  const take = (c) => {
    if (typeof c[0] !== "number") return c.forEach(take);
    [at[0], at[1], at[2], at[3]] = [Math.min(at[0], c[0]), Math.min(at[1], c[1]), Math.max(at[2], c[0]), Math.max(at[3], c[1])];
  };
  for (const feature of features) take(feature.geometry.coordinates);
  return at[0] < at[2] ? at : WITHOUT_GROUND;
}

const collection = (features) => ({ type: "FeatureCollection", features });

// What stays as it is; what changes lies on the overlay.
function styleOf(c, { regions, roads }) {
  const source = (features) => ({ type: "geojson", data: collection(features) });
  return {
    version: 8,
    sources: { regions: source(regions), roads: source(roads) },
    layers: [
      { id: "roads", type: "line", source: "roads", paint: { "line-color": c.road, "line-width": ["match", ["get", "kind"], ["road", "street"], 1.6, 0.7] } },
      { id: "borders", type: "line", source: "regions", paint: { "line-color": c.border, "line-width": 0.8 } },
    ],
  };
}

class OverviewMap {
  constructor(place, realm, onPick, choose, base) {
    Object.assign(this, { place, realm, onPick, choose, wrong: {}, grounded: isWhole(base) });
    this.told = new Map(); // fuse/scope → what its last event said, until an answer knows of it
    const [colours, ground] = [paletteOf(place), groundOf(base)];
    this.map = new SoftMap({
      container: place,
      style: styleOf(colours, ground),
      bounds: boundsOf(ground.regions),
      fitBoundsOptions: FIT,
      attributionControl: false,
      dragRotate: false,
      touchPitch: false,
      maxPitch: 0,
      renderWorldCopies: false,
      fadeDuration: 0,
      refreshExpiredTiles: false,
      locale: { "Map.Title": place.closest("[aria-label]")?.getAttribute("aria-label") ?? "map" },
    });
    place.map = this.map; // for whoever looks at the page from outside
    this.begun = this.view();
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.overlay = place.overlay = new Overlay(this.map, colours);
    this.overlay.set({ regions: ground.regions });
    this.ready = new Promise((resolve) => this.map.once("load", resolve));
    this.map.on("click", (event) => this.onClick(event));
    this.map.on("mousemove", (event) => { this.map.getCanvas().style.cursor = this.overlay.found(event.point).sel ? "pointer" : ""; });
    this.marked = new Promise((resolve) => { this.asked = resolve; });
    this.start();
  }

  async start() {
    const legend = document.getElementById("legend");
    legend?.addEventListener("change", () => this.show(legend));
    document.addEventListener("live:event", ({ detail }) => this.onEvent(detail));
    document.addEventListener("live:all", () => this.again());
    this.refresh();
    this.zones();
    if (!legend) return;
    this.show(legend);
    await this.ready; // roads can be shown and hidden from here on
    this.show(legend);
  }

  // Townships and roads that came late.
  async ground(base) {
    this.grounded = isWhole(base);
    const ground = groundOf(base);
    if (!ground.regions.length) return;
    this.overlay.set({ regions: ground.regions });
    await this.ready;
    for (const name of ["regions", "roads"]) this.map.getSource(name).setData(collection(ground[name]));
    if (this.view() === this.begun) this.map.fitBounds(boundsOf(ground.regions), FIT); // else the officer is looking somewhere by now
  }

  // What the event itself says, at once: a level that rose on a township or at a station. All the rest comes with `marks`.
  // Events that were missed come again without a row: of them the next answer knows more.
  onEvent({ event, row }) {
    if (event.kind === "transition" && row) {
      this.told.set(row.sel, { came: performance.now(), body: event.body, township: row.township });
      this.raise();
    }
    if (KINDS.test(event.kind)) setTimeout(() => this.refresh(), row ? MARKS_AFTER_MS : AFTER_MS);
    if (ZONE_KINDS.test(event.kind)) setTimeout(() => this.zones(), AFTER_MS);
  }

  raise() {
    const { areas, marks } = this.overlay;
    for (const { body, township } of this.told.values()) {
      const area = areas[body.scope] ?? areas[township];
      if (area && RANK[body.confirmed_level] > RANK[area.level]) area.level = body.confirmed_level;
      const mark = marks.find((each) => each.sel === `stations:${body.scope}`);
      if (mark && RANK[body.to] > mark.rank) Object.assign(mark, { level: body.to, rank: RANK[body.to], open: body.verification !== "confirmed" });
    }
    this.overlay.paint();
  }

  again() {
    this.refresh();
    this.zones();
    if (!this.grounded) load(this.realm, "base").then((base) => this.ground(base));
  }

  refresh() {
    follow(this, () => this.loadMarks(), MARKS_PACE_MS);
  }

  zones() {
    follow(this.map, () => this.loadZones(), ZONES_PACE_MS);
  }

  async loadMarks() {
    const asked = performance.now();
    const found = await load(this.realm, "marks");
    this.say({ marks: found?.wrong ?? ["console"] });
    if (found) {
      this.overlay.set({ areas: found.areas, marks: found.marks.features });
      for (const [sel, { came }] of this.told) if (came < asked) this.told.delete(sel);
      this.raise();
      this.place.dataset.marks = this.overlay.seen().length;
    }
    this.asked(); // there may be nothing to wait for
  }

  // Zones of which some could not be had take nothing off the map.
  async loadZones() {
    const found = await load(this.realm, "zones");
    this.say({ zones: found?.wrong ?? ["console"] });
    if (isWhole(found)) this.overlay.set({ zones: found.features });
  }

  show(legend) {
    const shown = new Set([...legend.querySelectorAll("input:checked")].map((box) => box.name));
    this.overlay.shown = shown;
    this.overlay.paint();
    this.map.getLayer("roads") && this.map.setLayoutProperty("roads", "visibility", shown.has("roads") ? "visible" : "none");
  }

  say(wrong) {
    Object.assign(this.wrong, wrong);
    const all = [...new Set(Object.values(this.wrong).flat())];
    let said = this.place.querySelector(".map-wrong");
    if (!all.length) return void said?.remove();
    if (!said) {
      said = document.createElement("p");
      said.className = "map-wrong bad";
      said.setAttribute("role", "alert");
      this.place.append(said);
    }
    const text = `${this.place.dataset.wrong}: ${all.join(", ")}`;
    if (said.textContent !== text) said.textContent = text; // it is read aloud once
  }

  view() {
    return [...this.map.getCenter().toArray(), this.map.getZoom()].join();
  }

  onClick(event) {
    const { sel, region } = this.overlay.found(event.point);
    const top = this.overlay.areas[region]?.top;
    if (sel || top) this.onPick(sel || top);
    else if (region) this.choose({ township: region });
  }

  async select(sel, { move }) {
    this.overlay.choose(sel);
    this.place.dataset.chosen = sel;
    await this.marked;
    const mark = this.overlay.marks.find((each) => each.sel === this.overlay.chosen.mark);
    if (mark && move && this.overlay.sel === sel && !this.map.getBounds().contains(mark.lngLat)) this.map.easeTo({ center: mark.lngLat, duration: 250 });
  }
}
