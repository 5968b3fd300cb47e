import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Finds the depot that is nearest to a place, if one is within `withinKm`. */
export default class NearestDepot {
  /** Called once, before the service is ready. */
  async open({ parameters }) {
    this.depots = JSON.parse(await readFile(join(import.meta.dirname, parameters.depots), 'utf8'));
    this.withinKm = parameters.withinKm;
  }

  /** Called for every record. No value is a miss, one value is the answer. */
  asyncInvoke({ at }, result) {
    if (typeof at?.lat !== 'number' || typeof at?.lon !== 'number')
      throw new TypeError('at needs the numbers lat and lon');
    const found = this.depots
      .map(({ depot, lat, lon }) => ({ depot, km: Math.round(distanceKm(at, { lat, lon })) }))
      .reduce((best, candidate) => (candidate.km < best.km ? candidate : best));
    result.complete(found.km <= this.withinKm ? [found] : []);
  }

  /** Called once, when the last stream has ended and the service stops. */
  close() {
    this.depots = [];
  }
}

const earthRadiusKm = 6371;

function distanceKm(from, to) {
  const radians = Math.PI / 180;
  const height = Math.sin(((to.lat - from.lat) * radians) / 2) ** 2;
  const width = Math.sin(((to.lon - from.lon) * radians) / 2) ** 2;
  const share = height + Math.cos(from.lat * radians) * Math.cos(to.lat * radians) * width;
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(share));
}
