-- What wrk sends for bench/run. Arguments: KIND FILE
--   get                 GET / with nothing else
--   validate TOKENS     GET /v3/auth/tokens; each line of TOKENS is the subject in turn
--   create NAME         POST /v3/projects; every project has a name of its own, which starts with NAME
--   user NAME           POST /v3/users; the same with users without a password
--   revoke IDS          DELETE /v3/users/{id}/tokens; each line of IDS is the user in turn
-- The caller's token is in the environment, BENCH_TOKEN.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  kind = args[1]
  count = 0
  headers = { ["X-Auth-Token"] = os.getenv("BENCH_TOKEN"), ["Content-Type"] = "application/json" }
  if kind == "get" then
    ready = { wrk.format("GET", "/", {}) }
  elseif kind == "validate" then
    ready = {}
    for token in io.lines(args[2]) do
      headers["X-Subject-Token"] = token
      ready[#ready + 1] = wrk.format("GET", "/v3/auth/tokens", headers)
    end
  elseif kind == "revoke" then
    ready = {}
    for id in io.lines(args[2]) do
      ready[#ready + 1] = wrk.format("DELETE", "/v3/users/" .. id .. "/tokens", headers)
    end
  else
    object = kind == "user" and "user" or "project"
    name = args[2] .. "-" .. number .. "-"
  end
end

function request()
  count = count + 1
  if ready then
    return ready[(count - 1) % #ready + 1]
  end
  local body = '{"' .. object .. '":{"name":"' .. name .. count .. '","domain_id":"default"}}'
  return wrk.format("POST", "/v3/" .. object .. "s", headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format('RESULT {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
