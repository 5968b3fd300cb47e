import { createClient } from '@redis/client';

/** Writes a few airports to the database: `airport:FRA` and so on. */
const airports = {
  CDG: 'Paris Charles de Gaulle',
  FRA: 'Frankfurt am Main',
  JFK: 'New York John F. Kennedy',
  LHR: 'London Heathrow',
  ORD: "Chicago O'Hare",
};

const client = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' });
await client.connect();
for (const [iata, name] of Object.entries(airports)) await client.set(`airport:${iata}`, name);
client.destroy();
