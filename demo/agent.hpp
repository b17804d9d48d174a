// demo/agent.hpp - the chapter on agent memory: an agent works at a simulated help desk and remembers in SQL.
#ifndef RUVECTOR_DEMO_AGENT_HPP
#define RUVECTOR_DEMO_AGENT_HPP

#include "pg.hpp"
#include "terminal.hpp"

namespace ruvector::demo {

void agent_scene(bench::Connection &connection, Terminal &terminal);

} // namespace ruvector::demo

#endif
