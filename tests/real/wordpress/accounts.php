<?php
// Makes the users of the tests and an application password for each, and prints them as JSON.
[$_, $site, $url] = $argv;
$_SERVER['HTTP_HOST'] = parse_url($url, PHP_URL_HOST) . ':' . parse_url($url, PHP_URL_PORT);
$_SERVER['REQUEST_METHOD'] = 'GET';
require $site . '/wp-load.php';
update_option('permalink_structure', '/%year%/%monthnum%/%postname%/');
flush_rewrite_rules();
$out = ['url' => $url];
foreach (['editor', 'contributor', 'administrator'] as $role) {
    $name = "the_$role";
    $id = username_exists($name) ?: wp_insert_user(
        ['user_login' => $name, 'user_pass' => wp_generate_password(24), 'role' => $role, 'user_email' => "$name@example.org"]
    );
    WP_Application_Passwords::delete_all_application_passwords($id);
    [$password] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'tests']);
    $out[$role] = ['username' => $name, 'password' => $password];
}
echo json_encode($out), "\n";
