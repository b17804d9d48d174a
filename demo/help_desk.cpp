// demo/help_desk.cpp - a simulated help desk.
#include "help_desk.hpp"

#include <algorithm>
#include <iterator>

namespace ruvector::demo {

namespace {

struct Way {
	std::vector<std::string> calls;
	double rating; // of the customer, in the mean
};
struct Kind {
	std::vector<std::string> wordings; // % is the customer
	std::vector<Way> ways;
};

const std::vector<Kind> &kinds() {
	static const std::vector<Kind> all = {
		{{"%, charged twice, wants a refund", "refund % the order that was charged twice",
		  "please refund the double charge of %", "% asks: where is the refund of my second charge?"},
		 {{{"find_customer", "check_payment", "refund"}, 0.4}, {{"find_customer", "read_archive", "refund"}, 0.9}}},
		{{"% cannot log in, the account is locked", "unlock the account of %, wrong password too often",
		  "account locked, the login of % fails", "login: please unlock the locked account of %"},
		 {{{"find_customer", "verify_identity", "unlock"}, 0.8}}},
		{{"% moved: the parcel needs a new address", "new delivery address for the parcel of %",
		  "change the address of the parcel, % has moved", "send the parcel of % to another address"},
		 {{{"find_customer", "find_parcel", "readdress"}, 0.8}}},
	};
	return all;
}

const char *const kCustomers[] = {"Ann", "Ben", "Cyd", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jim", "Kim", "Lee"};

} // namespace

const std::vector<Tool> &HelpDesk::tools() {
	static const std::vector<Tool> all = {
		{"find_customer", "name", "customer", 40},    {"check_payment", "customer", "payment", 60},
		{"read_archive", "customer", "payment", 400}, {"refund", "payment", "", 80},
		{"verify_identity", "customer", "proof", 90}, {"unlock", "proof", "", 30},
		{"find_parcel", "customer", "parcel", 50},    {"readdress", "parcel", "", 60},
		{"close_account", "customer", "", 30},
	};
	return all;
}

Request HelpDesk::request_of(std::size_t kind) {
	const Kind &k = kinds()[kind];
	const std::string customer = kCustomers[requests_() % std::size(kCustomers)];
	std::string text = k.wordings[requests_() % k.wordings.size()];
	text.replace(text.find('%'), 1, customer);
	return {text, customer, kind};
}

Request HelpDesk::next_request() {
	return request_of(requests_() % kinds().size());
}

Request HelpDesk::next_refund() {
	return request_of(0);
}

void HelpDesk::open(const Request &request) {
	kind_ = request.kind;
	done_.clear();
	given_ = {{"name", request.customer}};
}

// Right is a call with which at least one of the ways goes on, with the value that an earlier call gave; anything else annoys
// the customer, and it is over.
Answer HelpDesk::call(const std::string &name, const std::string &argument) {
	const Tool &tool =
		*std::find_if(tools().begin(), tools().end(), [&](const Tool &candidate) { return candidate.name == name; });
	Answer answer;
	answer.milliseconds = tool.milliseconds * (0.8 + 0.4 * uniform());
	done_.push_back(name);
	const std::vector<Way> &ways = kinds()[kind_].ways;
	const auto way = std::find_if(ways.begin(), ways.end(), [&](const Way &candidate) {
		return done_.size() <= candidate.calls.size() &&
			   std::equal(done_.begin(), done_.end(), candidate.calls.begin());
	});
	if (way == ways.end() || given_[tool.takes] != argument) {
		answer.observation = "the customer complains";
		answer.complaint = name + " was wrong" + (done_.size() > 1 ? " after " + done_[done_.size() - 2] : " at first");
		answer.over = true;
	} else if (done_.size() == way->calls.size()) {
		answer.observation = "done";
		answer.over = answer.success = true;
		answer.reward = std::clamp(way->rating + 0.4 * (uniform() - 0.5), 0.0, 1.0);
	} else {
		given_[tool.gives] = tool.gives.substr(0, 1) + std::to_string(100 + random_() % 900);
		answer.observation = tool.gives + "=" + given_[tool.gives];
	}
	return answer;
}

} // namespace ruvector::demo
