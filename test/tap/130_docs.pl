# The pages about agent memory do what they say: every ```sql block of a page runs, in order, in a fresh database. An ERROR
# fails unless the line that ends its statement says `-- ERROR`, and then there must be one. A ```text block after a
# ```sql block is what that block prints.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

plan skip_all => 'agent memory is of ruvector alone' unless ours();

my $root = "$FindBin::RealBin/../..";
my @pages = ('README.md', map { s{^\Q$root\E/}{}r } sort glob "$root/docs/memory/*.md");
cmp_ok(scalar @pages, '>', 5, 'the pages are here');

my $node = new_node('docs');
my $dir = PostgreSQL::Test::Utils::tempdir();

# The script has the lines of the page, so that psql's line numbers are the page's: what is not SQL becomes an empty line, and the
# fences print marks. Also returns the text that is expected after the mark of a line.
sub script {
	my ($text) = @_;
	my (@script, %expected, $fence, $last);
	my $number = 0;
	for my $line (split /\n/, $text) {
		$number++;
		if ($line =~ /^```(\w*)/) {
			if (defined $fence) {
				push @script, $fence eq 'sql' ? '\echo @end@' : '';
				undef $fence;
				next;
			}
			$fence = $1 || 'none';
			$last = $number if $fence eq 'sql';
			$expected{$last} = '' if $fence eq 'text' && defined $last;
			push @script, $fence eq 'sql' ? "\\echo \@begin $number\@" : '';
			next;
		}
		push @script, defined $fence && $fence eq 'sql' ? $line : '';
		$expected{$last} .= "$line\n" if defined $fence && $fence eq 'text' && defined $last;
	}
	return (join("\n", @script) . "\n", \%expected);
}

# psql pads the last column of some rows and ends tables with empty lines; neither is seen in a page.
sub visible {
	my ($text) = @_;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\n{2,}/\n/g;
	$text =~ s/^\n+|\n+$//g;
	return $text;
}

my $count = 0;
for my $page (@pages) {
	my $text = slurp_file("$root/$page");
	my ($sql, $expected) = script($text);
	next unless $sql =~ /\@begin/;
	my $database = 'page' . ++$count;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my $file = "$dir/page.sql";
	open my $out, '>', $file or die $!;
	print $out $sql;
	close $out;
	my ($stdout, $stderr);
	run_command_in($database, $file, \$stdout, \$stderr);
	my @lines = split /\n/, $text;
	my %announced = map { $_ + 1 => 1 } grep { $lines[$_] =~ /-- ERROR/ } 0 .. $#lines;
	my @surprises;
	while ($stderr =~ /^psql:[^\n]*?:(\d+): ((?:ERROR|FATAL|PANIC|error|invalid)[^\n]*)/mg) {
		push @surprises, "line $1: $2" unless delete $announced{$1};
	}
	push @surprises, map {"line $_: no ERROR"} sort keys %announced;
	push @surprises, "psql: $stderr" if $stderr =~ /^psql: /m;
	push @surprises, "not all was run" if ($stdout =~ tr/@//) < 2;
	is(join("\n", @surprises), '', "$page runs");
	my %printed;
	$printed{$1} = $2 while $stdout =~ /^\@begin (\d+)\@\n(.*?)^\@end\@$/msg;
	is(scalar(keys %printed), scalar(() = $sql =~ /\@begin/g), "$page: every block");
	for my $line (sort { $a <=> $b } keys %$expected) {
		is(visible($printed{$line} // ''), visible($expected->{$line}), "$page: output of the block in line $line");
	}
}

sub run_command_in {
	my ($database, $file, $stdout, $stderr) = @_;
	IPC::Run::run([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=0', '-d', $node->connstr($database), '-f', $file ],
		'<', \undef, '>', $stdout, '2>', $stderr);
	return;
}

quiet_log($node, 'docs');
done_testing();
