#!/usr/bin/env python3
"""Makes world.tsv: README.md says of what."""
import json
import sys

atlas, codes, out = sys.argv[1:]
ALPHA2 = {numeric: alpha2 for alpha2, _, numeric, _ in json.load(open(codes))}
# Areas without a number of their own: ISO 3166 counts the first two to their states, and keeps XK free for Kosovo.
BY_NAME = {"N. Cyprus": "CY", "Somaliland": "SO", "Kosovo": "XK"}
NAMES = {"US": "United States", "CD": "DR Congo"}
# Codes that Natural Earth draws as parts of other states or so small that nothing is left of them.
SMALL = {
    "BQ": ("Caribbean Netherlands", 12.2, -68.3),
    "CC": ("Cocos Islands", -12.2, 96.9),
    "CX": ("Christmas Island", -10.5, 105.6),
    "GF": ("French Guiana", 4.0, -53.0),
    "GP": ("Guadeloupe", 16.2, -61.5),
    "MQ": ("Martinique", 14.7, -61.0),
    "RE": ("Réunion", -21.1, 55.5),
    "SJ": ("Svalbard", 78.7, 16.4),
    "TK": ("Tokelau", -9.2, -171.8),
    "VA": ("Vatican", 41.9, 12.5),
    "YT": ("Mayotte", -12.8, 45.2),
}


def read(detail):
    topology = json.load(open(f"{atlas}/countries-{detail}.json"))
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        arcs.append(points)

    def ring(indices):
        points = []
        for i in indices:
            arc = arcs[i] if i >= 0 else arcs[~i][::-1]
            points += arc[1:] if points else arc
        return points

    for it in topology["objects"]["countries"]["geometries"]:
        name = it["properties"]["name"]
        code = ALPHA2.get(it.get("id")) or BY_NAME.get(name)
        if code is None:
            continue
        shapes = it["arcs"] if it["type"] == "MultiPolygon" else [it["arcs"]]
        yield code, name, [part for shape in shapes for part in cut(ring(shape[0]))]


def cut(ring):
    """Cuts what lies on both sides of the antimeridian in two."""
    turns, points = 0, []
    for (lon, lat), (before, _) in zip(ring, ring[-1:] + ring):
        if points:
            turns += (lon - before < -180) - (lon - before > 180)
        points.append((lon + 360 * turns, lat))
    sides = [clip(points, -180 + 360 * i, 180 + 360 * i) for i in (-1, 0, 1)]
    return [[(lon - 360 * i, lat) for lon, lat in side] for i, side in zip((-1, 0, 1), sides) if side]


def clip(ring, west, east):
    """Keeps what is between two meridians."""
    for edge, is_kept in ((west, lambda lon: lon >= west), (east, lambda lon: lon <= east)):
        kept = []
        for (lon0, lat0), (lon1, lat1) in zip(ring, ring[1:] + ring[:1]):
            if is_kept(lon0):
                kept.append((lon0, lat0))
            if is_kept(lon0) != is_kept(lon1):
                kept.append((edge, lat0 + (lat1 - lat0) * (edge - lon0) / (lon1 - lon0)))
        ring = kept
    return ring


def area_and_center(ring):
    area = cx = cy = 0.0
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1]):
        cross = x0 * y1 - x1 * y0
        area, cx, cy = area + cross, cx + (x0 + x1) * cross, cy + (y0 + y1) * cross
    if not area:
        return 0.0, ring[0]
    return abs(area), (cx / 3 / area, cy / 3 / area)


def encode(ring):
    """Tenths of a degree, each the difference from the one before, as Google's encoded polylines."""
    text, last, n = "", (0, 0), 0
    for lon, lat in ring:
        point = round(lon * 10), round(lat * 10)
        if n and point == last:
            continue
        for value in (point[0] - last[0], point[1] - last[1]):
            value = ~(value << 1) if value < 0 else value << 1
            while value >= 32:
                text += chr((32 | value & 31) + 63)
                value >>= 5
            text += chr(value + 63)
        last, n = point, n + 1
    return text if n > 3 else None


countries = {}
for detail in ("110m", "10m"):
    for code, name, rings in read(detail):
        if code == "AQ" or code in SMALL:
            continue
        entry = countries.setdefault(code, {"name": NAMES.get(code, name), "rings": []})
        if entry.setdefault("detail", detail) != detail:
            continue
        if detail == "110m":
            entry["rings"] += [it for it in map(encode, rings) if it]
        # Where it is: the middle of its largest part.
        for size, (lon, lat) in map(area_and_center, rings):
            if size >= entry.get("size", 0):
                entry |= {"size": size, "lat": lat, "lon": lon}
for code, (name, lat, lon) in SMALL.items():
    countries[code] = {"name": name, "lat": lat, "lon": lon, "size": 0, "rings": []}

with open(out, "w") as file:
    # The largest first, so that those inside of others are drawn upon them.
    for code, it in sorted(countries.items(), key=lambda it: (-it[1]["size"], it[0])):
        place = [f"{it['lat']:.1f}", f"{it['lon']:.1f}"]
        file.write("\t".join([code, it["name"], *place, *it["rings"]]) + "\n")
