// demo/help_desk.hpp - a simulated help desk: requests in many wordings, tools, and what the tools answer. Which calls a kind of
// request needs is known here only; an agent learns it from what happens.
#ifndef RUVECTOR_DEMO_HELP_DESK_HPP
#define RUVECTOR_DEMO_HELP_DESK_HPP

#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace ruvector::demo {

struct Request {
	std::string text;
	std::string customer; // the name, as the form has it
	std::size_t kind;     // hidden from the agent
};

// What an agent knows of a tool: its name, what it takes, what it gives.
struct Tool {
	std::string name;
	std::string takes;
	std::string gives; // "" for nothing
	double milliseconds;
};

struct Answer {
	std::string observation;
	bool over = false;
	bool success = false;
	double reward = 0; // the customer's rating, 0 to 1, when it is over
	std::string complaint;
	double milliseconds = 0;
};

class HelpDesk {
public:
	explicit HelpDesk(unsigned seed) : requests_(seed), random_(seed + 1000) {}

	static const std::vector<Tool> &tools();
	Request next_request();
	Request next_refund();
	void open(const Request &request);
	Answer call(const std::string &tool, const std::string &argument);

private:
	Request request_of(std::size_t kind);
	double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }

	std::mt19937 requests_; // its own, so that the requests do not depend on what an agent does
	std::mt19937 random_;
	std::size_t kind_ = 0;
	std::vector<std::string> done_;
	std::map<std::string, std::string> given_;
};

} // namespace ruvector::demo

#endif
