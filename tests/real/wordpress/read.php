<?php
// Prints all posts and pictures that WordPress has, also those in the trash, as JSON: read.php SITE
[, $site] = $argv;
$_SERVER['REQUEST_METHOD'] = 'GET';
require "$site/wp-load.php";
$all = ['post_type' => ['post', 'attachment'], 'post_status' => array_keys(get_post_stati()), 'numberposts' => -1];
$shown = [];
foreach (get_posts($all + ['orderby' => 'ID', 'order' => 'ASC']) as $post) {
    if ($post->post_author <= 1 || $post->post_status === 'auto-draft') {
        continue; // WordPress's own first post
    }
    $shown[] = [
        'type' => $post->post_type,
        'status' => $post->post_status,
        'title' => $post->post_title,
        'content' => $post->post_content,
        'slug' => $post->post_name,
        'link' => get_permalink($post),
        'file' => $post->post_type === 'attachment' ? wp_get_attachment_url($post->ID) : null,
        'alt' => get_post_meta($post->ID, '_wp_attachment_image_alt', true),
        'categories' => wp_get_post_categories($post->ID, ['fields' => 'names']),
        'tags' => wp_get_post_tags($post->ID, ['fields' => 'names']),
        'featured' => get_the_post_thumbnail_url($post->ID, 'full'),
    ];
}
echo json_encode($shown), "\n";
