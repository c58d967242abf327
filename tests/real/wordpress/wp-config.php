<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:@FOLDER@/db');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $kind) {
    define("{$kind}_KEY", "of a test, $kind");
    define("{$kind}_SALT", "of a test, $kind");
}
define('WP_ENVIRONMENT_TYPE', 'local'); // takes application passwords without TLS
define('WP_HOME', '@URL@');
define('WP_SITEURL', '@URL@');
$_SERVER['HTTP_HOST'] = substr(WP_HOME, strlen('http://')); // behind a proxy it would be another
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('FS_METHOD', 'direct');
$table_prefix = 'wp_';
defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
