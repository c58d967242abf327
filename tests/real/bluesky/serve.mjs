// A Bluesky PDS with its rate limits, and the directory of its accounts. It keeps nothing, and ends with its standard input.
import { TestNetworkNoAppView } from '@atproto/dev-env'

const [port, plc] = process.argv.slice(2).map(Number)
const network = await TestNetworkNoAppView.create({
  plc: { port: plc },
  pds: { port, hostname: 'localhost', rateLimitsEnabled: true },
})
console.log('ready')
process.stdin.resume()
process.stdin.on('end', async () => {
  await network.close()
  process.exit(0)
})
