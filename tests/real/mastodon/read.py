"""Prints the posts of the account, as Mastodon.py reads them: python read.py URL TOKEN."""

import json
import sys

from mastodon import Mastodon

server = Mastodon(access_token=sys.argv[2], api_base_url=sys.argv[1])
posts = server.account_statuses(server.me().id, limit=40)
json.dump(
    [
        {
            "id": str(post.id),
            "content": post.content,
            "answers": post.in_reply_to_id and str(post.in_reply_to_id),
            "pictures": [picture.description for picture in post.media_attachments],
        }
        for post in posts
    ],
    sys.stdout,
)
