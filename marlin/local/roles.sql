-- Makes the four logins and the database. psql runs it at every start of the embedded server, and the container of
-- docker-compose.yml once. Names and passwords come from the environment, so that no command line shows them.
\set ON_ERROR_STOP on
\set owner marlin_owner
\set web marlin_web
\set worker marlin_worker
\set unblind marlin_unblind
\getenv owner MARLIN_ROLE_OWNER
\getenv web MARLIN_ROLE_WEB
\getenv worker MARLIN_ROLE_WORKER
\getenv unblind MARLIN_ROLE_UNBLIND
\getenv owner_password MARLIN_OWNER_PASSWORD
\getenv web_password MARLIN_WEB_PASSWORD
\getenv worker_password MARLIN_WORKER_PASSWORD
\getenv unblind_password MARLIN_UNBLIND_PASSWORD

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY[:'owner', :'web', :'worker', :'unblind']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

-- The owner migrates, and clones databases for the tests; nobody here is more than that.
ALTER ROLE :"owner" LOGIN CREATEDB NOCREATEROLE NOSUPERUSER PASSWORD :'owner_password';
ALTER ROLE :"web" LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER PASSWORD :'web_password';
ALTER ROLE :"worker" LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER PASSWORD :'worker_password';
ALTER ROLE :"unblind" LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER PASSWORD :'unblind_password';

-- The owner may become the others with SET ROLE (tests do), but has none of their rights unless it says so.
GRANT :"web", :"worker", :"unblind" TO :"owner" WITH INHERIT FALSE, SET TRUE;

SELECT format('CREATE DATABASE marlin OWNER %I', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'marlin')
\gexec
ALTER DATABASE marlin OWNER TO :"owner";
REVOKE ALL ON DATABASE marlin FROM PUBLIC;
GRANT CONNECT ON DATABASE marlin TO :"web", :"worker", :"unblind";
