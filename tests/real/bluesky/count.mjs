// Prints how many characters and bytes each text of a JSON list on standard input has, as Bluesky's own library counts.
import { RichText } from '@atproto/api'

let input = ''
for await (const chunk of process.stdin) input += chunk
const counts = JSON.parse(input).map((text) => {
  const rich = new RichText({ text })
  return [rich.graphemeLength, rich.length]
})
console.log(JSON.stringify(counts))
