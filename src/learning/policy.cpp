// learning/policy.cpp - what all policies share: the choice of an action, the header of their bytes.
#include "ruvector/learning/policy.hpp"

#include <algorithm>

#include "learning/network.hpp"
#include "ruvector/learning/tabular.hpp"

namespace ruvector::learning {

namespace {

constexpr char kMagic[4] = {'R', 'V', 'L', 'P'};
constexpr uint16_t kFormat = 1;
constexpr size_t kHeader = 32, kCrcAt = 24;
constexpr uint32_t kMaxActions = 4096, kMaxStateDim = 16000;

void check(const Shape &shape) {
	if (shape.actions == 0)
		throw Error(ErrorKind::invalid_argument, "there must be at least one action");
	if (shape.actions > kMaxActions)
		throw Error(ErrorKind::limit_exceeded, "there can be at most " + std::to_string(kMaxActions) + " actions");
	if (shape.state_dim > kMaxStateDim)
		throw Error(ErrorKind::limit_exceeded,
					"states can have at most " + std::to_string(kMaxStateDim) + " dimensions");
}

void need_keys(Algorithm algorithm, const Shape &shape) {
	if (shape.state_dim != 0)
		throw Error(ErrorKind::invalid_argument, std::string(algorithm_name(algorithm)) +
													 " needs states that are keys; round vectors to make keys of them");
}

uint32_t crc_of(const uint8_t *bytes, size_t size) {
	return crc32c(bytes + kCrcAt + 4, size - kCrcAt - 4, crc32c(bytes, kCrcAt));
}

} // namespace

std::vector<double> epsilon_greedy(const std::vector<double> &score, const std::vector<uint32_t> &available,
								   double epsilon) {
	std::vector<double> p(score.size(), 0);
	double top = -HUGE_VAL;
	size_t ties = 0;
	for (uint32_t a : available) {
		ties = score[a] > top ? 1 : ties + (score[a] == top);
		top = std::max(top, score[a]);
	}
	for (uint32_t a : available)
		p[a] = (score[a] == top ? (1 - epsilon) / double(ties) : 0) + epsilon / double(available.size());
	return p;
}

double epsilon_at(const Config &config, uint64_t steps) {
	double from = config.get("exploration_start"), to = config.get("exploration_rate"),
		   over = config.get("exploration_steps");
	return double(steps) >= over ? to : from + (to - from) * double(steps) / over;
}

Decision Policy::act(const Query &query, const Config &config, Random &random, const Poll &poll) const {
	if (config.algorithm() != algorithm_)
		throw Error(ErrorKind::invalid_argument, std::string("the policy is one of ") + algorithm_name(algorithm_) +
													 ", the configuration one of " +
													 algorithm_name(config.algorithm()));
	if (shape_.state_dim != 0) {
		if (query.state.dim != shape_.state_dim)
			throw Error(ErrorKind::invalid_argument, "states of this policy have " + std::to_string(shape_.state_dim) +
														 " dimensions, not " + std::to_string(query.state.dim));
		for (uint32_t i = 0; i < query.state.dim; i++)
			if (!std::isfinite(query.state.vector[i]))
				throw Error(ErrorKind::data_exception, "the state holds NaN or infinity");
	} else if (query.state.dim != 0)
		throw Error(ErrorKind::invalid_argument, "states of this policy are keys, not vectors");
	if (!(query.temperature > 0 && query.temperature < HUGE_VAL))
		throw Error(ErrorKind::invalid_argument, "the temperature must be positive and finite");

	std::vector<uint32_t> available;
	if (query.available) {
		std::vector<bool> seen(shape_.actions);
		for (size_t i = 0; i < query.available_count; i++) {
			uint32_t a = query.available[i];
			if (a >= shape_.actions || seen[a])
				throw Error(ErrorKind::invalid_argument, "an available action was not declared, or occurs twice");
			seen[a] = true;
			available.push_back(a);
		}
	} else
		for (uint32_t a = 0; a < shape_.actions; a++)
			available.push_back(a);
	if (available.empty())
		throw Error(ErrorKind::invalid_argument, "no action is available");

	Scores s = scores(query, available, config, random, poll);
	Decision d;
	d.probability = query.explore ? std::move(s.probability) : epsilon_greedy(s.score, available, 0);
	d.value = std::move(s.value);
	d.state_value = s.state_value;
	double left = random.uniform();
	d.action = available.back();
	for (uint32_t a : available)
		if (d.probability[a] > 0) { // rounding never chooses what has none
			d.action = a;
			left -= d.probability[a];
			if (left < 0)
				break;
		}
	for (uint32_t a : available)
		d.explored = d.explored || s.score[a] > s.score[d.action];
	return d;
}

std::unique_ptr<Policy> make_policy(const Config &config, const Shape &shape, uint64_t seed) {
	check(shape);
	switch (config.algorithm()) {
	case Algorithm::dqn:
		return make_dqn(config, shape, seed);
	case Algorithm::policy_gradient:
	case Algorithm::actor_critic:
	case Algorithm::ppo:
		return make_actor_critic(config, shape, seed);
	case Algorithm::decision_transformer:
		return make_transformer(config, shape, seed);
	default:
		return std::make_unique<TabularPolicy>(config.algorithm(), shape);
	}
}

std::vector<uint8_t> seal(const Policy &policy, const Writer &payload) {
	Writer out;
	out.bytes.assign(kMagic, kMagic + 4);
	out.integer(kFormat);
	out.integer(uint8_t(policy.algorithm()));
	out.integer(uint8_t(policy.shape().state_dim != 0));
	out.integer(policy.shape().state_dim);
	out.integer(policy.shape().actions);
	out.integer(uint64_t(payload.bytes.size()));
	out.integer(uint64_t(0)); // the CRC and a spare field
	out.bytes.insert(out.bytes.end(), payload.bytes.begin(), payload.bytes.end());
	uint32_t crc = crc_of(out.bytes.data(), out.bytes.size());
	for (size_t i = 0; i < 4; i++)
		out.bytes[kCrcAt + i] = uint8_t(crc >> (8 * i));
	return std::move(out.bytes);
}

std::unique_ptr<Policy> load_policy(const void *data, size_t size) {
	const uint8_t *bytes = static_cast<const uint8_t *>(data);
	if (size < kHeader || std::memcmp(bytes, kMagic, 4) != 0)
		Reader::damaged("it does not begin as one");
	Reader in(bytes, size);
	in.integer<uint32_t>();
	uint16_t format = in.integer<uint16_t>();
	if (format != kFormat)
		throw Error(ErrorKind::data_exception,
					"the stored policy has format " + std::to_string(format) + ", which this version does not know");
	auto algorithm = Algorithm(in.integer<uint8_t>(1, 9, "unknown algorithm"));
	uint8_t kind = in.integer<uint8_t>(0, 1, "unknown kind of states");
	Shape shape;
	shape.state_dim = in.integer<uint32_t>();
	shape.actions = in.integer<uint32_t>();
	uint64_t payload = in.integer<uint64_t>();
	uint32_t crc = in.integer<uint32_t>();
	if (payload != size - kHeader)
		Reader::damaged("its length is wrong");
	if (crc != crc_of(bytes, size))
		Reader::damaged("its checksum is wrong");
	if (in.integer<uint32_t>() != 0 || kind != (shape.state_dim != 0) || shape.actions == 0 ||
		shape.actions > kMaxActions || shape.state_dim > kMaxStateDim)
		Reader::damaged("its header is wrong");

	std::unique_ptr<Policy> policy;
	switch (algorithm) {
	case Algorithm::dqn:
		policy = read_dqn(shape, in);
		break;
	case Algorithm::policy_gradient:
	case Algorithm::actor_critic:
	case Algorithm::ppo:
		policy = read_actor_critic(algorithm, shape, in);
		break;
	case Algorithm::decision_transformer:
		policy = read_transformer(shape, in);
		break;
	default:
		if (shape.state_dim != 0)
			Reader::damaged("its header is wrong");
		policy = read_table(algorithm, shape, in);
	}
	in.end();
	return policy;
}

TabularPolicy::TabularPolicy(Algorithm algorithm, const Shape &shape) : Policy(algorithm, shape) {
	check(shape);
	need_keys(algorithm, shape);
}

} // namespace ruvector::learning
