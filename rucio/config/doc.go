// Package config reads the settings of a Rucio client from where the Python client and its container images take them:
// rucio.cfg, RUCIO_CFG_* variables in both generations of names, and the variables of Python's own client.
//
// One order holds for every option; the first place that has it wins:
//
//  1. Options.Overrides (the command line);
//  2. RUCIO_CFG_<SECTION>_<OPTION>, as merge_rucio_configs.py of the rucio/containers images reads them;
//  3. older names without the section (RUCIO_CFG_ACCOUNT, RUCIO_CFG_AUTH_TYPE ...) and RUCIO_CFG_CLIENT_CERT, _KEY;
//  4. the variables of Python's client and of the OIDC logins (RUCIO_ACCOUNT, X509_CERT_DIR, OIDC_CLIENT_ID ...);
//  5. rucio.cfg;
//  6. variables that Python asks only after the file (X509_USER_PROXY, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE), and those of
//     the grid's tools (X509_USER_CERT, X509_USER_KEY);
//  7. a default.
//
// Python's images make a rucio.cfg of the variables only when there is none; here a variable wins over a file that is
// there, too. A variable that is set but empty counts as not set, as Helm renders a null value so. A secret can be
// given by file: RUCIO_CFG_CLIENT_PASSWORD_FILE names a file that holds the password.
//
// The file follows Python's configparser to the letter (comments, continuation lines, [DEFAULT], %(name)s and %%). The
// value of a RUCIO_CFG_* variable may use %(name)s and %% too, as it passes through a rucio.cfg in Python's images; one
// that is not valid there ("50%off", which stops the Python tools) is taken as it stands.
package config
