# Runs the scripts of a start task in their order; the first that fails ends it. What run.sh is on Linux.
#
#   powershell.exe -File run.ps1 SCRIPT [PARAMETER...] [-- SCRIPT [PARAMETER...]]...
#
# A failure names the script and its line, on stderr. What the start task has written then lies in the container
# $env:START_TASK_LOGS (an address; without it nothing is uploaded) under start-tasks/<pool>/<node>/, put there as the
# node's identity. A start task runs again after every reboot and retry: each script has to find out what is done.
# Scripts have the functions of lib/blob.ps1.

. (Join-Path $PSScriptRoot 'lib\blob.ps1')

# The words as they were given: powershell.exe itself would take '--' and '-x:y' apart.
function Get-Words([object[]]$Given) {
    $all = [Environment]::GetCommandLineArgs()
    for ($index = 1; $index -lt $all.Count; $index++) {
        if ($all[$index - 1] -eq '-File') {
            return @($all | Select-Object -Skip ($index + 1))
        }
    }
    return $Given
}

# The scripts with their parameters, each a list of words.
function Split-Steps([object[]]$Words) {
    $steps = New-Object Collections.ArrayList
    $step = New-Object Collections.ArrayList
    foreach ($word in (@($Words | Where-Object { $null -ne $_ }) + '--')) {
        if ($word -ne '--') {
            $null = $step.Add($word)
        }
        elseif ($step.Count -gt 0) {
            $null = $steps.Add($step.ToArray())
            $step = New-Object Collections.ArrayList
        }
    }
    return , $steps
}

# What an installer has added to PATH is there for the scripts after it.
function Update-Path {
    $parts = 'Machine', 'User' | ForEach-Object { [Environment]::GetEnvironmentVariable('Path', $_) }
    $env:Path = (@($env:Path -split ';') + @($parts -split ';') | Where-Object { $_ } | Select-Object -Unique) -join ';'
}

# Runs one script here; it fails when it throws or ends with `exit` and another code than 0.
function Invoke-Step([string]$Script, [object[]]$Parameters) {
    Update-Path
    $begun = Get-Date
    Write-Output "run.ps1: $Script begins"
    & (Join-Path (Get-Location) $Script) @Parameters
    if (-not $?) {
        throw "${Script}: exit code $LASTEXITCODE"
    }
    Write-Output ('run.ps1: {0} is done, {1:N0} s' -f $Script, ((Get-Date) - $begun).TotalSeconds)
}

# A log that can't be uploaded must not hide why the start task failed.
function Send-Logs {
    if (-not $env:START_TASK_LOGS) {
        return
    }
    $place = "$env:START_TASK_LOGS/start-tasks/$env:AZ_BATCH_POOL_ID/$env:AZ_BATCH_NODE_ID"
    $stamp = (Get-Date).ToUniversalTime().ToString('yyyyMMddTHHmmssZ')
    foreach ($name in 'stdout.txt', 'stderr.txt') {
        try {
            Send-Blob (Join-Path $env:AZ_BATCH_TASK_DIR $name) "$place/$stamp-$name"
        }
        catch {
            $why = $_.Exception.Message
            [Console]::Error.WriteLine("run.ps1: $name could not be uploaded; it is on the node only: $why")
        }
    }
}

# Where a failure was: in a script of the start task rather than in the functions that it uses.
function Get-Place([Management.Automation.ErrorRecord]$Failure, [string]$Script) {
    $lines = @($Failure.ScriptStackTrace -split "`n" | Where-Object { $_ -like "*$(Split-Path -Leaf $Script): *" })
    if ($lines.Count -eq 0) {
        return "${Script}: line $($Failure.InvocationInfo.ScriptLineNumber)"
    }
    return "${Script}: line " + ($lines[0] -replace '.*?(\d+)\s*$', '$1')
}

$steps = Split-Steps (Get-Words $args)
if ($steps.Count -eq 0) {
    [Console]::Error.WriteLine('a script is needed: run.ps1 SCRIPT [PARAMETER...] [-- SCRIPT [PARAMETER...]]...')
    exit 1
}
foreach ($step in $steps) {
    if (-not (Test-Path -LiteralPath $step[0] -PathType Leaf)) {
        [Console]::Error.WriteLine("run.ps1: the script $($step[0]) can't be read in $(Get-Location)")
        exit 1
    }
}
foreach ($step in $steps) {
    try {
        Invoke-Step $step[0] @($step | Select-Object -Skip 1)
    }
    catch {
        [Console]::Error.WriteLine("$(Get-Place $_ $step[0]): $($_.Exception.Message)")
        [Console]::Error.WriteLine("run.ps1: $($step[0]) failed; no further script is run")
        Send-Logs
        exit 1
    }
}
