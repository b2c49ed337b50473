// A PDS and a PLC directory of @atproto/dev-env, in memory; with DB_POSTGRES_URL and REDIS_HOST an AppView besides, which
// is what tells of mentions. Prints one line of JSON when all of them answer, ends when its input ends.
import { TestNetwork, TestNetworkNoAppView } from "@atproto/dev-env";

const hasAppView = Boolean(process.env.DB_POSTGRES_URL && process.env.REDIS_HOST);
const network = await (hasAppView
  ? TestNetwork.create({ dbPostgresSchema: process.env.DB_POSTGRES_SCHEMA })
  : TestNetworkNoAppView.create({}));
console.log(JSON.stringify({ pds: network.pds.url, plc: network.plc.url, hasAppView }));

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
