// learning/tabular.cpp - q-learning, sarsa, model-based (prioritised sweeping), mcts, on rows of a table.
#include "ruvector/learning/tabular.hpp"

#include <algorithm>
#include <numeric>
#include <queue>

#include "learning/network.hpp"
#include "learning/trajectory.hpp"
#include "learning/uct.hpp"

namespace ruvector::learning {

// ---- rows

uint32_t TabularPolicy::intern(std::string_view key) {
	auto [at, fresh] = index_.try_emplace(std::string(key), uint32_t(keys_.size()));
	if (fresh) {
		if (keys_.size() == kMaxStates || (keys_.size() + 1) * shape().actions > kMaxCells)
			throw Error(ErrorKind::limit_exceeded, "too many different states");
		keys_.push_back(&at->first);
		pairs_.resize(pairs_.size() + shape().actions);
		given_.push_back(0);
		predecessors_.emplace_back();
	}
	return at->second;
}

uint32_t TabularPolicy::find(std::string_view key) const {
	auto at = index_.find(std::string(key));
	return at == index_.end() ? kTerminal : at->second;
}

std::string_view TabularPolicy::key_of(uint32_t state) const {
	return state == kTerminal ? std::string_view() : std::string_view(*keys_[state]);
}

namespace {

void check_row(uint32_t action, const Shape &shape, double number) {
	if (action >= shape.actions)
		throw Error(ErrorKind::data_exception, "action " + std::to_string(action) + " was not declared");
	if (!std::isfinite(number))
		throw Error(ErrorKind::data_exception, "a value or reward is NaN or infinite");
}

} // namespace

void TabularPolicy::put(const ActionValue &row) {
	check_row(row.action, shape(), row.q);
	uint32_t state = intern(row.state);
	Pair &p = pairs_[cell(state, row.action)];
	p.q = p.old_q = row.q;
	p.visits = p.old_visits = row.visits;
	p.known = true;
	given_[state] = 1;
}

void TabularPolicy::put(const Transition &row) {
	check_row(row.action, shape(), row.reward_sum);
	if (row.count == 0)
		return;
	uint32_t state = intern(row.state), next = row.terminated ? kTerminal : intern(row.next_state);
	given_[state] = 1;
	count(cell(state, row.action), next, row.count, row.reward_sum, false);
}

void TabularPolicy::change(size_t cell, double q, uint64_t visits) {
	Pair &p = pairs_[cell];
	if (!p.changed) {
		p.changed = true;
		changed_.push_back(cell);
	}
	p.q = q;
	p.visits = visits;
	p.known = true;
	given_[cell / shape().actions] = 1;
}

void TabularPolicy::count(size_t cell, uint32_t next, uint64_t n, double reward_sum, bool is_change) {
	Pair &p = pairs_[cell];
	p.known = true;
	auto at = std::find_if(p.outcomes.begin(), p.outcomes.end(), [&](const Outcome &o) { return o.next == next; });
	if (at == p.outcomes.end()) {
		p.outcomes.push_back({next, 0, 0, 0, 0});
		at = p.outcomes.end() - 1;
		if (next != kTerminal)
			predecessors_[next].push_back(cell);
	}
	at->count += n;
	at->reward_sum += reward_sum;
	if (is_change) {
		if (at->added == 0)
			added_.push_back({cell, next});
		at->added += n;
		at->reward_added += reward_sum;
	}
}

std::vector<ValueChange> TabularPolicy::value_changes() const {
	std::vector<ValueChange> out;
	for (size_t cell : changed_) {
		const Pair &p = pairs_[cell];
		out.push_back({key_of(uint32_t(cell / shape().actions)), uint32_t(cell % shape().actions), p.old_q, p.q,
					   p.old_visits, p.visits});
	}
	return out;
}

std::vector<TransitionChange> TabularPolicy::transition_changes() const {
	std::vector<TransitionChange> out;
	for (auto [cell, next] : added_)
		for (const Outcome &o : pairs_[cell].outcomes)
			if (o.next == next)
				out.push_back({key_of(uint32_t(cell / shape().actions)), uint32_t(cell % shape().actions), key_of(next),
							   next == kTerminal, o.added, o.reward_added});
	return out;
}

std::vector<ActionValue> TabularPolicy::values() const {
	std::vector<ActionValue> out;
	for (size_t cell = 0; cell < pairs_.size(); cell++)
		if (pairs_[cell].known)
			out.push_back({key_of(uint32_t(cell / shape().actions)), uint32_t(cell % shape().actions), pairs_[cell].q,
						   pairs_[cell].visits});
	return out;
}

std::vector<Transition> TabularPolicy::transitions() const {
	std::vector<Transition> out;
	for (size_t cell = 0; cell < pairs_.size(); cell++)
		for (const Outcome &o : pairs_[cell].outcomes)
			out.push_back({key_of(uint32_t(cell / shape().actions)), uint32_t(cell % shape().actions), key_of(o.next),
						   o.next == kTerminal, o.count, o.reward_sum});
	return out;
}

size_t TabularPolicy::states() const {
	return keys_.size();
}

size_t TabularPolicy::memory() const {
	size_t bytes = keys_.size() * 160 + pairs_.size() * sizeof(Pair);
	for (const Pair &p : pairs_)
		bytes += p.outcomes.capacity() * (sizeof(Outcome) + sizeof(size_t));
	return bytes;
}

// ---- values

// An action that was never tried counts as 0, or (count_untried = 0: states that do not allow every action) not at all.
double TabularPolicy::value_of(uint32_t state) const {
	if (state == kTerminal)
		return 0;
	double best = -HUGE_VAL;
	for (uint32_t a = 0; a < shape().actions; a++)
		if (const Pair &p = pairs_[cell(state, a)]; counts(p))
			best = std::max(best, p.q);
	return best == -HUGE_VAL ? 0 : best;
}

double TabularPolicy::state_value(std::string_view state) const {
	return value_of(find(state));
}

double TabularPolicy::expectation(uint32_t state, double epsilon) const {
	std::vector<double> q;
	std::vector<uint32_t> tried;
	if (state != kTerminal)
		for (uint32_t a = 0; a < shape().actions; a++)
			if (const Pair &p = pairs_[cell(state, a)]; counts(p)) {
				tried.push_back(uint32_t(q.size()));
				q.push_back(p.q);
			}
	if (q.empty())
		return 0;
	std::vector<double> p = epsilon_greedy(q, tried, epsilon);
	return std::inner_product(q.begin(), q.end(), p.begin(), 0.0);
}

double TabularPolicy::backup(size_t cell, double discount) const {
	double sum = 0, n = 0;
	for (const Outcome &o : pairs_[cell].outcomes) {
		sum += o.reward_sum + discount * double(o.count) * value_of(o.next);
		n += double(o.count);
	}
	return sum / n;
}

// In a view of some rows, states without any row have values that are not known here.
bool TabularPolicy::can_back_up(size_t cell) const {
	const auto &outcomes = pairs_[cell].outcomes;
	return !outcomes.empty() && std::all_of(outcomes.begin(), outcomes.end(),
											[&](const Outcome &o) { return o.next == kTerminal || given_[o.next]; });
}

double TabularPolicy::td_update(size_t cell, double target, const Config &config) {
	const Pair &p = pairs_[cell];
	double half = config.get("learning_rate_visits"), first = config.get("learning_rate");
	double rate =
		std::max(std::min(first, config.get("learning_rate_final")), first * half / (half + double(p.visits)));
	double moved = rate * (target - p.q);
	change(cell, p.q + moved, p.visits + 1);
	return moved;
}

// Prioritised sweeping (Moore & Atkeson 1993): the pair whose value would move most is backed up first, and its
// predecessors are looked at again. Priorities on the heap are lower bounds of what they were when pushed; a pair that has
// moved since is recomputed.
uint64_t TabularPolicy::sweep(std::vector<std::pair<double, size_t>> start, double discount, double least,
							  uint64_t limit, const Poll &poll, bool *finished) {
	std::priority_queue<std::pair<double, size_t>> heap(std::less<std::pair<double, size_t>>(), std::move(start));
	std::unordered_map<size_t, double> queued; // the greatest priority on the heap
	uint64_t backups = 0;
	while (!heap.empty() && backups < limit) {
		auto [priority, cell] = heap.top();
		heap.pop();
		queued.erase(cell);
		if (backups++ % 256 == 0 && poll.finish()) {
			*finished = true;
			break;
		}
		uint32_t state = uint32_t(cell / shape().actions);
		double before = value_of(state), q = backup(cell, discount);
		if (std::fabs(q - pairs_[cell].q) > least || !pairs_[cell].known || pairs_[cell].visits == 0)
			change(cell, q, std::max<uint64_t>(pairs_[cell].visits, 1));
		else
			continue;
		if (value_of(state) == before)
			continue;
		for (size_t p : predecessors_[state])
			if (can_back_up(p))
				if (double moves = std::fabs(backup(p, discount) - pairs_[p].q); moves > least) {
					double &top = queued.try_emplace(p, 0).first->second;
					if (moves > top) {
						top = moves;
						heap.push({moves, p});
					}
				}
	}
	return backups;
}

// ---- learning

Update TabularPolicy::online_update(const Step &step, const Config &config) {
	if (config.algorithm() != algorithm())
		throw Error(ErrorKind::invalid_argument, "the configuration is another algorithm's");
	check_row(step.action, shape(), step.reward);
	if (algorithm() != Algorithm::mcts)
		count_untried_ = config.get("count_untried") != 0;
	uint32_t state = intern(step.state);
	uint32_t next = step.terminated ? kTerminal : intern(step.next_state);
	size_t at = cell(state, step.action);
	Update u;
	u.predicted = pairs_[at].q;
	double discount = config.get("discount_factor");
	if (algorithm() == Algorithm::sarsa) {
		if (step.has_next_action && !step.terminated) {
			check_row(step.next_action, shape(), 0);
			u.target = step.reward + discount * pairs_[cell(next, step.next_action)].q;
		} else
			u.target = step.reward + discount * expectation(next, epsilon_at(config, step.steps));
	} else
		u.target = step.reward + discount * value_of(next);
	u.error = u.target - u.predicted;
	if (algorithm() == Algorithm::q_learning || algorithm() == Algorithm::sarsa) {
		td_update(at, u.target, config);
		return u;
	}
	count(at, next, 1, step.reward, true);
	given_[state] = 1;
	if (next != kTerminal)
		given_[next] = 1; // the caller gave its rows; without any it is new, and worth 0
	if (algorithm() == Algorithm::model_based) {
		double least = config.get("tolerance") * std::max(std::fabs(u.target), std::fabs(u.predicted));
		bool finished = false;
		uint64_t visits = pairs_[at].visits + 1;
		if (can_back_up(at)) {
			sweep({{HUGE_VAL, at}}, discount, least, 1 + config.count("planning_steps"), {}, &finished);
			change(at, pairs_[at].q, visits);
		} else // not all that follows is loaded: a sample backup with the step size of the mean
			change(at, pairs_[at].q + (u.target - pairs_[at].q) / double(visits), visits);
	}
	return u;
}

Metrics TabularPolicy::train(const Experience &e, const Config &config, uint64_t seed, const Poll &poll) {
	if (config.algorithm() != algorithm())
		throw Error(ErrorKind::invalid_argument, "the configuration is another algorithm's");
	e.check(shape());
	Trajectories trajectories(e);
	Metrics m;
	m.rows = e.count;
	m.mean_return = trajectories.mean_return(e);
	std::vector<size_t> cells(e.count);
	std::vector<uint32_t> next(e.count);
	for (size_t i = 0; i < e.count; i++) {
		cells[i] = cell(intern(e.state_keys[i]), e.actions[i]);
		next[i] = e.terminated[i] ? kTerminal : intern(e.next_state_keys[i]);
	}
	std::vector<double> before;
	for (const Pair &p : pairs_)
		before.push_back(p.q);
	double discount = config.get("discount_factor");
	if (algorithm() != Algorithm::mcts)
		count_untried_ = config.get("count_untried") != 0;

	if (algorithm() == Algorithm::mcts || algorithm() == Algorithm::model_based) {
		std::fill(given_.begin(), given_.end(), uint8_t(1)); // this is the whole table
		for (size_t i = 0; i < e.count; i++)
			count(cells[i], next[i], 1, e.rewards[i], true);
	}
	if (algorithm() == Algorithm::model_based) {
		std::vector<std::pair<double, size_t>> heap;
		double range = 0, loss = 0;
		for (size_t c = 0; c < pairs_.size(); c++)
			for (const Outcome &o : pairs_[c].outcomes)
				range = std::max(range, std::fabs(o.reward_sum / double(o.count)));
		double least = config.get("tolerance") * range;
		for (size_t c = 0; c < pairs_.size(); c++)
			if (!pairs_[c].outcomes.empty()) {
				double moves = std::fabs(backup(c, discount) - pairs_[c].q);
				loss += moves;
				heap.push_back({moves, c});
			}
		m.first_loss = loss / double(heap.size());
		m.updates = sweep(heap, discount, least, config.count("max_backups"), poll, &m.finished_early);
		loss = 0;
		for (auto [moves, c] : heap)
			loss += std::fabs(backup(c, discount) - pairs_[c].q);
		m.last_loss = loss / double(heap.size());
		m.losses = {m.first_loss, m.last_loss};
		m.epochs = 1;
	} else if (algorithm() != Algorithm::mcts) {
		Random random(seed);
		std::vector<uint32_t> order(e.count);
		std::iota(order.begin(), order.end(), 0u);
		double epsilon = epsilon_at(config, e.count);
		for (size_t epoch = 0; epoch < config.count("epochs") && !m.finished_early; epoch++) {
			if (algorithm() == Algorithm::q_learning)
				for (size_t i = e.count; i > 1; i--)
					std::swap(order[i - 1], order[random.below(uint32_t(i))]);
			double loss = 0, moved = 0, least = HUGE_VAL, greatest = -HUGE_VAL;
			for (size_t n = 0; n < e.count; n++) {
				if (n % 1024 == 0 && poll.finish()) {
					m.finished_early = true;
					break;
				}
				uint32_t i = order[n];
				double value;
				if (algorithm() == Algorithm::q_learning)
					value = value_of(next[i]);
				else if (trajectories.next[i] != kNone)
					value = pairs_[cells[trajectories.next[i]]].q; // of the action really taken
				else
					value = expectation(next[i], epsilon);
				double target = e.rewards[i] + discount * value, error = target - pairs_[cells[i]].q;
				loss += error * error / double(e.count);
				moved = std::max(moved, std::fabs(td_update(cells[i], target, config)));
				least = std::min(least, pairs_[cells[i]].q);
				greatest = std::max(greatest, pairs_[cells[i]].q);
				m.updates++;
			}
			m.losses.push_back(loss);
			m.epochs++;
			if (moved <= config.get("tolerance") * std::max(std::fabs(least), std::fabs(greatest)))
				break;
		}
		m.first_loss = m.losses.front();
		m.last_loss = m.losses.back();
	}
	for (size_t c = 0; c < pairs_.size(); c++)
		m.change += std::fabs(pairs_[c].q - before[c]) / double(pairs_.size());
	return m;
}

// ---- acting

class TableWorld {
public:
	struct Outcome {
		uint32_t next;
		double reward;
		bool terminated;
	};
	explicit TableWorld(const TabularPolicy &table) : table_(table) {}
	void actions(uint32_t state, std::vector<uint32_t> &out) const {
		for (uint32_t a = 0; a < table_.shape().actions; a++)
			if (!table_.pairs_[table_.cell(state, a)].outcomes.empty())
				out.push_back(a);
	}
	Outcome sample(uint32_t state, uint32_t action, Random &random) const {
		const auto &outcomes = table_.pairs_[table_.cell(state, action)].outcomes;
		uint64_t total = 0;
		for (const auto &o : outcomes)
			total += o.count;
		double left = random.uniform() * double(total);
		const auto *chosen = &outcomes.back();
		for (const auto &o : outcomes) {
			left -= double(o.count);
			if (left < 0) {
				chosen = &o;
				break;
			}
		}
		return {chosen->next, chosen->reward_sum / double(chosen->count), chosen->next == UINT32_MAX};
	}

private:
	const TabularPolicy &table_;
};

namespace {

// Visits as scores, and their shares as probabilities.
void spread(const UctResult &r, const std::vector<uint32_t> &available, const Query &query, const Config &config,
			std::vector<double> &score, std::vector<double> &probability) {
	double epsilon = epsilon_at(config, query.steps), total = 0;
	score = r.visits;
	probability.assign(r.visits.size(), 0);
	for (uint32_t a : available)
		total += probability[a] = std::pow(r.visits[a], 1 / query.temperature);
	for (uint32_t a : available) {
		double uniform = 1 / double(available.size());
		probability[a] = (1 - epsilon) * (total > 0 ? probability[a] / total : uniform) + epsilon * uniform;
	}
}

double best_value(const UctResult &r, const std::vector<uint32_t> &available) {
	double best = NAN, visits = 0;
	for (uint32_t a : available)
		if (r.visits[a] > visits) {
			visits = r.visits[a];
			best = r.value[a];
		}
	return best;
}

// A model of strings as a world of numbers.
class ModelWorld {
public:
	explicit ModelWorld(const Model &model) : model_(model) {}
	uint32_t number(const std::string &state) {
		auto [at, fresh] = index_.try_emplace(state, uint32_t(names_.size()));
		if (fresh)
			names_.push_back(&at->first);
		return at->second;
	}
	void actions(uint32_t state, std::vector<uint32_t> &out) const { model_.actions(*names_[state], out); }
	TableWorld::Outcome sample(uint32_t state, uint32_t action, Random &random) {
		Model::Outcome o = model_.sample(*names_[state], action, random);
		return {o.terminated ? UINT32_MAX : number(o.next_state), o.reward, o.terminated};
	}

private:
	const Model &model_;
	std::unordered_map<std::string, uint32_t> index_;
	std::vector<const std::string *> names_;
};

// What plan() acts with: a policy without a table.
class Planner final : public Policy {
public:
	Planner(const Model &model, const Shape &shape) : Policy(Algorithm::mcts, shape), model_(model) {}
	Metrics train(const Experience &, const Config &, uint64_t, const Poll &) override { return {}; }
	std::vector<uint8_t> serialize() const override { return {}; }
	size_t memory() const override { return sizeof *this; }

protected:
	Scores scores(const Query &query, const std::vector<uint32_t> &available, const Config &config, Random &random,
				  const Poll &poll) const override {
		ModelWorld world(model_);
		UctResult r =
			uct(world, world.number(std::string(query.state.key)), available, shape().actions, config, random, poll);
		Scores s;
		spread(r, available, query, config, s.score, s.probability);
		s.value = r.value;
		s.state_value = best_value(r, available);
		return s;
	}

private:
	const Model &model_;
};

} // namespace

Decision plan(const Model &model, const Query &query, const Shape &shape, const Config &config, Random &random,
			  const Poll &poll) {
	Query at_root = query;
	std::vector<uint32_t> actions;
	if (!query.available) {
		model.actions(query.state.key, actions);
		static constexpr uint32_t none = 0;
		at_root.available = actions.empty() ? &none : actions.data();
		at_root.available_count = actions.size();
	}
	return Planner(model, shape).act(at_root, config, random, poll);
}

Policy::Scores TabularPolicy::scores(const Query &query, const std::vector<uint32_t> &available, const Config &config,
									 Random &random, const Poll &poll) const {
	Scores s;
	uint32_t state = find(query.state.key);
	if (algorithm() == Algorithm::mcts) {
		std::vector<uint32_t> modelled;
		for (uint32_t a : available)
			if (state != kTerminal && !pairs_[cell(state, a)].outcomes.empty())
				modelled.push_back(a);
		UctResult r{std::vector<double>(shape().actions, 0), std::vector<double>(shape().actions, NAN)};
		if (!modelled.empty()) {
			TableWorld world(*this);
			r = uct(world, state, modelled, shape().actions, config, random, poll);
		}
		spread(r, available, query, config, s.score, s.probability);
		s.value = r.value;
		s.state_value = best_value(r, available);
		return s;
	}
	s.value.assign(shape().actions, NAN);
	s.score.assign(shape().actions, 0);
	for (uint32_t a : available)
		if (state != kTerminal && pairs_[cell(state, a)].known) {
			s.score[a] = s.value[a] = pairs_[cell(state, a)].q;
			s.state_value = std::isnan(s.state_value) ? s.value[a] : std::max(s.state_value, s.value[a]);
		}
	s.probability = epsilon_greedy(s.score, available, epsilon_at(config, query.steps));
	if (!query.explore && !std::isnan(s.state_value)) // what was never tried is no candidate
		for (uint32_t a : available)
			if (std::isnan(s.value[a]))
				s.score[a] = -HUGE_VAL;
	return s;
}

// ---- bytes

std::vector<uint8_t> TabularPolicy::serialize() const {
	Writer out;
	out.integer(uint32_t(keys_.size()));
	for (const std::string *key : keys_)
		out.text(*key);
	for (const Pair &p : pairs_) {
		out.integer(uint8_t(p.known));
		if (!p.known)
			continue;
		out.f32(float(p.q));
		out.integer(p.visits);
		out.integer(uint32_t(p.outcomes.size()));
		for (const Outcome &o : p.outcomes) {
			out.integer(o.next);
			out.integer(o.count);
			out.f64(o.reward_sum);
		}
	}
	return seal(*this, out);
}

std::unique_ptr<Policy> read_table(Algorithm algorithm, const Shape &shape, Reader &in) {
	auto policy = std::make_unique<TabularPolicy>(algorithm, shape);
	uint32_t states = in.integer<uint32_t>(0, uint32_t(kMaxStates), "too many states");
	in.need(states, 4 + shape.actions);
	std::vector<std::string> keys;
	for (uint32_t i = 0; i < states; i++)
		keys.push_back(in.text());
	in.need(states, shape.actions);
	policy->read(keys, in);
	return policy;
}

void TabularPolicy::read(const std::vector<std::string> &keys, Reader &in) {
	for (size_t i = 0; i < keys.size(); i++)
		if (intern(keys[i]) != i)
			Reader::damaged("a state occurs twice");
	for (size_t c = 0; c < pairs_.size(); c++) {
		Pair &p = pairs_[c];
		if (!in.integer<uint8_t>(0, 1, "a flag"))
			continue;
		p.known = true;
		p.q = p.old_q = double(in.f32());
		p.visits = p.old_visits = in.integer<uint64_t>();
		given_[c / shape().actions] = 1;
		uint32_t n = in.integer<uint32_t>();
		in.need(n, 20);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t next = in.integer<uint32_t>();
			uint64_t times = in.integer<uint64_t>(1, UINT64_MAX, "a count is 0");
			double reward_sum = in.f64();
			if (next != kTerminal && next >= keys.size())
				Reader::damaged("there is no such state");
			count(c, next, times, reward_sum, false);
		}
	}
}

} // namespace ruvector::learning
