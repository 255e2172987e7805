// What changes on the map, painted on two plain canvases: the townships' colours below MapLibre's roads and borders, danger
// zones, marks and names above them. A frame of WebGL costs 0.1–0.2 s of processor where there is no graphics card, and one
// came with every change; this costs a few milliseconds, so that a red is on the map when it is in the list.
import { MercatorCoordinate } from "/vendor/maplibre-gl.mjs";
import { hatchesOf, iconsOf, LEVELS, RATIO } from "./marks.js";

const UNITS = 2 ** 22; // of a path, to the world's width: a metre and less in a float of 32 bits, near the place itself
const TILE_PX = 512;
const CLICK_PX = 6;
const NAMES_ZOOM = 11;
const NAME_GAP_PX = 4;
const MARK_NAME_PX = 12;
const FONT = '"Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif';
const LEVEL_OF = Object.fromEntries(LEVELS.map((level) => [level.toLowerCase(), level]));

// Area and centre of mass of a closed ring.
function massOf(points) {
  const sum = [0, 0, 0];
  points.forEach(([x, y], at) => {
    const [nextX, nextY] = points[(at + 1) % points.length];
    const cross = x * nextY - nextX * y;
    sum[0] += cross;
    sum[1] += (x + nextX) * cross;
    sum[2] += (y + nextY) * cross;
  });
  return { area: Math.abs(sum[0] / 2), middle: [sum[1] / (3 * sum[0]), sum[2] / (3 * sum[0])] };
}

export class Overlay {
  constructor(map, colours) {
    Object.assign(this, { map, colours, regions: [], zones: [], marks: [], areas: {}, shown: new Set() });
    Object.assign(this, { sel: "", chosen: { mark: "", zone: "", region: "" } });
    this.from = MercatorCoordinate.fromLngLat(map.getCenter());
    const holder = map.getCanvasContainer();
    [this.under, this.over] = ["map-under", "map-over"].map((name) => {
      const canvas = document.createElement("canvas");
      canvas.className = name;
      canvas.setAttribute("aria-hidden", "true"); // the lists say the same
      return canvas;
    });
    holder.prepend(this.under);
    holder.append(this.over);
    this.pens = [this.under.getContext("2d"), this.over.getContext("2d")];
    this.dress();
    for (const canvas of [this.under, this.over]) canvas.addEventListener("contextrestored", () => { this.dress(); this.paint(); });
    this.follow(map.frame());
    map.on("framed", ({ frame }) => this.follow(frame));
  }

  // Its icons and hatches; once more where the browser took the drawings away.
  dress() {
    this.icons = iconsOf(this.colours);
    this.hatches = Object.fromEntries(Object.entries(hatchesOf(this.colours)).map(([sight, drawn]) => {
      const pattern = this.pens[0].createPattern(drawn, "repeat");
      pattern.setTransform(new DOMMatrix().scale(devicePixelRatio / RATIO));
      return [sight, pattern];
    }));
  }

  // As the ground that is seen lies.
  follow({ center, zoom, width, height }) {
    const world = TILE_PX * 2 ** zoom;
    const x = width / 2 + (this.from.x - center.x) * world;
    const y = height / 2 + (this.from.y - center.y) * world;
    this.at = { x, y, scale: world / UNITS, zoom, width, height };
    this.paintNow();
  }

  // GeoJSON features: townships, danger zones, places; and what is known of the townships.
  set({ regions, zones, marks, areas }) {
    const areal = (f) => f.geometry.type.endsWith("Polygon");
    const outlined = (features) => features.filter(areal).map((f) => ({ ...f.properties, ...this.shapeOf(f.geometry) }));
    if (regions) this.regions = outlined(regions);
    if (zones) this.zones = outlined(zones);
    if (marks) this.marks = marks.map((f) => ({ ...f.properties, lngLat: f.geometry.coordinates, at: this.point(f.geometry.coordinates) }));
    if (areas) this.areas = areas;
    this.choose(this.sel);
  }

  // The mark of what is chosen, or of the place that it is about; else its outline.
  choose(sel) {
    this.sel = sel;
    const [layer, id] = [sel.slice(0, sel.indexOf(":")), sel.slice(sel.indexOf(":") + 1)];
    const scope = layer === "fuses" ? id.slice(id.indexOf("/") + 1) : "";
    const mark = this.marks.find((each) => each.sel === sel || (scope && each.sel.endsWith(`:${scope}`)));
    this.chosen = { mark: mark?.sel ?? "", zone: layer === "zones" ? sel : "", region: mark ? "" : scope };
    this.paint();
  }

  point(lngLat) {
    const { x, y } = MercatorCoordinate.fromLngLat(lngLat);
    return [(x - this.from.x) * UNITS, (y - this.from.y) * UNITS];
  }

  // Its outline, and the middle of its largest part.
  shapeOf({ type, coordinates }) {
    const path = new Path2D();
    let largest = { area: 0, middle: [0, 0] };
    for (const rings of type === "MultiPolygon" ? coordinates : [coordinates]) {
      for (const ring of rings) {
        const points = ring.map((lngLat) => this.point(lngLat));
        points.forEach((point, at) => (at ? path.lineTo(...point) : path.moveTo(...point)));
        path.closePath();
        const part = massOf(points);
        if (part.area > largest.area) largest = part;
      }
    }
    return { path, middle: largest.middle };
  }

  paint() {
    this.painting ??= requestAnimationFrame(() => this.paintNow());
  }

  paintNow() {
    cancelAnimationFrame(this.painting);
    this.painting = null;
    const { width, height, zoom } = this.at;
    for (const pen of this.pens) {
      const { canvas } = pen;
      const [across, down] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
      if (canvas.width !== across || canvas.height !== down) {
        Object.assign(canvas, { width: across, height: down });
        Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
      }
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, across, down);
    }
    const [under, over] = this.pens;
    for (const region of this.regions) this.paintRegion(under, region);
    for (const zone of this.zones) this.paintZone(over, zone);
    const outlined = [...this.regions.filter((r) => r.code === this.chosen.region), ...this.zones.filter((z) => z.sel === this.chosen.zone)];
    for (const { path } of outlined) this.stroke(over, path, this.colours.ink, 3);
    this.flat(over);
    const seen = this.seen().filter((mark) => mark.x > -20 && mark.y > -20 && mark.x < width + 20 && mark.y < height + 20);
    for (const mark of seen) this.paintMark(over, mark);
    this.paintNames(over, seen);
  }

  // The pen in the paths' own units, or in pixels of the page.
  far(pen) {
    const { x, y, scale } = this.at;
    const k = devicePixelRatio;
    pen.setTransform(k * scale, 0, 0, k * scale, k * x, k * y);
  }

  flat(pen) {
    pen.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  }

  stroke(pen, path, colour, width, dash = []) {
    this.far(pen);
    pen.strokeStyle = colour;
    pen.lineWidth = width / this.at.scale;
    pen.setLineDash(dash.map((times) => (times * width) / this.at.scale));
    pen.stroke(path);
    pen.setLineDash([]);
  }

  paintRegion(pen, { code, path }) {
    const area = this.areas[code];
    this.far(pen);
    pen.fillStyle = this.colours[`tint${LEVEL_OF[area?.level]}`] ?? this.colours.land;
    pen.fill(path, "evenodd");
    const hatch = this.hatches[area?.sight ?? "none"]; // of which nothing is known, nothing is seen
    if (!hatch) return;
    pen.save();
    pen.clip(path, "evenodd");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = hatch;
    pen.fillRect(0, 0, pen.canvas.width, pen.canvas.height);
    pen.restore();
  }

  paintZone(pen, { in_force: inForce, level, path }) {
    if (!inForce) {
      if (this.shown.has("zones")) this.stroke(pen, path, this.colours.calm, 0.8, [3, 2]);
      return;
    }
    const colour = this.colours[level] ?? this.colours.calm;
    this.far(pen);
    pen.fillStyle = colour;
    pen.globalAlpha = 0.28;
    pen.fill(path, "evenodd");
    pen.globalAlpha = 1;
    this.stroke(pen, path, colour, 1.8, [2, 1]);
  }

  // The marks of the layers that are shown, what is alarmed and what is chosen; the worst last, so that it lies on top.
  seen() {
    const { x, y, scale } = this.at;
    return this.marks
      .filter((mark) => this.shown.has(mark.layer) || mark.rank > 0 || mark.sel === this.chosen.mark)
      .map((mark) => ({ ...mark, x: x + mark.at[0] * scale, y: y + mark.at[1] * scale, icon: this.iconOf(mark) }))
      .sort((one, other) => one.rank - other.rank);
  }

  iconOf({ level, layer, open, unknown }) {
    return this.icons[level === "none" ? `${layer}${unknown ? "-unknown" : ""}` : `level-${level}${open ? "-open" : ""}`];
  }

  paintMark(pen, { sel, x, y, icon }) {
    const [width, height] = [icon.width / RATIO, icon.height / RATIO];
    pen.drawImage(icon, x - width / 2, y - height / 2, width, height);
    if (sel !== this.chosen.mark) return;
    pen.beginPath();
    pen.arc(x, y, 13, 0, 2 * Math.PI);
    pen.strokeStyle = this.colours.ink;
    pen.lineWidth = 2.5;
    pen.stroke();
  }

  // A name that would lie on one that is written already is left out: the townships' come first, then the worst.
  paintNames(pen, seen) {
    const { x, y, scale, zoom } = this.at;
    const taken = [];
    const size = Math.min(15, Math.max(11, 3 + zoom));
    for (const { name, middle } of this.regions) this.paintName(pen, taken, name, x + middle[0] * scale, y + middle[1] * scale - size / 2, size);
    if (zoom < NAMES_ZOOM) return;
    for (const mark of seen.toReversed()) this.paintName(pen, taken, mark.name, mark.x, mark.y + 10, MARK_NAME_PX);
  }

  paintName(pen, taken, name, x, y, size) {
    Object.assign(pen, { font: `${size}px ${FONT}`, textAlign: "center", textBaseline: "top", lineJoin: "round", lineWidth: 2.8 });
    Object.assign(pen, { strokeStyle: this.colours.halo, fillStyle: this.colours.ink });
    const half = pen.measureText(name).width / 2 + NAME_GAP_PX;
    const box = { left: x - half, right: x + half, top: y - NAME_GAP_PX, bottom: y + size + NAME_GAP_PX };
    if (taken.some((b) => b.left < box.right && box.left < b.right && b.top < box.bottom && box.top < b.bottom)) return;
    taken.push(box);
    pen.strokeText(name, x, y);
    pen.fillText(name, x, y);
  }

  // What lies there, the uppermost first: a mark or a zone by its selection, else the township.
  found({ x, y }) {
    const near = this.seen().findLast((mark) => {
      const reach = CLICK_PX + mark.icon.width / RATIO / 2;
      return Math.abs(mark.x - x) <= reach && Math.abs(mark.y - y) <= reach;
    });
    if (near) return { sel: near.sel };
    const [pen, at] = [this.pens[1], [x * devicePixelRatio, y * devicePixelRatio]];
    this.far(pen);
    pen.lineWidth = (2 * CLICK_PX) / this.at.scale;
    const zone = this.zones.findLast(({ path, in_force: inForce }) => (
      (inForce && pen.isPointInPath(path, ...at, "evenodd")) || ((inForce || this.shown.has("zones")) && pen.isPointInStroke(path, ...at))
    ));
    if (zone) return { sel: zone.sel };
    return { region: this.regions.find(({ path }) => pen.isPointInPath(path, ...at, "evenodd"))?.code };
  }
}
