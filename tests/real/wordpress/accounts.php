<?php
// Installs WordPress if it is not, and prints the logins of its users by application password as JSON: accounts.php SITE URL
[, $site, $url] = $argv;
$_SERVER['REQUEST_METHOD'] = 'GET';
define('WP_INSTALLING', true);
require "$site/wp-load.php";
require "$site/wp-admin/includes/upgrade.php";
add_filter('pre_wp_mail', '__return_true');
if (!is_blog_installed()) {
    wp_install('Practice Police', 'administrator', 'admin@example.org', true, '', wp_generate_password(24));
}
update_option('permalink_structure', '/%year%/%monthnum%/%postname%/');
$GLOBALS['wp_rewrite']->init();
flush_rewrite_rules();
$logins = [];
foreach (['editor', 'author', 'contributor'] as $role) {
    $id = username_exists($role) ?: wp_insert_user(
        ['user_login' => $role, 'user_pass' => wp_generate_password(24), 'role' => $role, 'user_email' => "$role@example.org"]
    );
    WP_Application_Passwords::delete_all_application_passwords($id);
    [$password] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'tests']);
    $logins[$role] = $password;
}
echo json_encode($logins), "\n";
