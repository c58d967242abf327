// Prints what an account has published, as Bluesky's own client library reads it: node read.mjs URL HANDLE
import { AtpAgent, RichText } from '@atproto/api'

const [service, handle] = process.argv.slice(2)
const agent = new AtpAgent({ service })
const { data: found } = await agent.com.atproto.identity.resolveHandle({ handle })
const { data } = await agent.com.atproto.repo.listRecords({
  repo: found.did,
  collection: 'app.bsky.feed.post',
  limit: 100,
})
const posts = []
for (const { uri, cid, value } of data.records) {
  const pictures = []
  for (const { alt, image, aspectRatio } of value.embed?.images ?? []) {
    const blob = await agent.com.atproto.sync.getBlob({ did: found.did, cid: image.ref.toString() })
    pictures.push({ alt, aspectRatio, type: image.mimeType, size: blob.data.length })
  }
  const text = new RichText({ text: value.text, facets: value.facets })
  const segments = [...text.segments()].map((s) => ({
    text: s.text,
    link: s.link?.uri,
    mention: s.mention?.did,
    tag: s.tag?.tag,
  }))
  const card = value.embed?.external && {
    ...value.embed.external,
    thumb: value.embed.external.thumb?.size,
  }
  const { text: plain, createdAt, langs, reply } = value
  posts.push({ uri, cid, text: plain, createdAt, langs, segments, pictures, card, reply })
}
console.log(JSON.stringify(posts))
